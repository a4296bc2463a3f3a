"""How this project's own processes (the command line, the tests) start JAX; the library changes no global setting."""

import os
from importlib import metadata

POOL = "PJRT_NPROC"
"""Workers of XLA's CPU pool. XLA deadlocks when as many batched LAPACK calls run at once as its pool has
workers: each occupies a worker and waits there for workers to take its share (jaxlib 0.10.2; two independent
factorisations in one program suffice on two cores). A pool of one worker runs them in line instead, and the
cores are used by running several executables side by side, dispatched in the calling thread."""

ONE_BLAS_THREAD = "OPENBLAS_NUM_THREADS"
"""A batch of small factorisations is one LAPACK call each: OpenBLAS's threads then cost far more than they share
(an exact KKT point at m = 200, n = 500 took 58 processor seconds with its default and 10 to 16 with one thread)."""

COMPILE_FAST = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true --xla_cpu_use_fusion_emitters=false"
)
"""A third of the compile time, for the many small programs of claims."""


def start_jax(compile_fast: bool = True, all_cores: bool = False) -> None:
    """Start JAX for this process: float64, and a thread pool that cannot deadlock. Call it before JAX's first array.

    Explicit settings of the environment variables PJRT_NPROC, OPENBLAS_NUM_THREADS and XLA_FLAGS are left as they
    are; the second counts only if SciPy has not been imported yet.

    Args:
        compile_fast: compile three times faster; programs on large data then run up to several times slower.
            Right for checking claims and for exploring; pass False for long runs.
        all_cores: give XLA's pool one worker a core. For programs without batched LAPACK calls, such as the
            training of networks: those calls can deadlock then. Sums are split by the number of workers, so the
            last bits of a result depend on it.
    """
    os.environ.setdefault(POOL, str(_cores() if all_cores else 1))
    os.environ.setdefault(ONE_BLAS_THREAD, "1")
    if compile_fast and metadata.version("jaxlib").startswith("0.10."):  # XLA aborts on a flag it does not know
        os.environ.setdefault("XLA_FLAGS", COMPILE_FAST)
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
