"""How this project's own processes (the command line, the tests) start JAX; the library changes no global setting.

XLA on the CPU deadlocks when as many batched LAPACK calls run at once as its thread pool has workers:
each occupies a worker and waits there for workers to take its share (jax 0.10.2; two independent
factorisations in one program suffice on two cores). A pool of one worker runs them in line instead.
The cores are then used by running several executables side by side, which needs dispatch in the
calling thread.
"""

import os

POOL = "PJRT_NPROC"


def start_jax() -> None:
    """Start JAX for this process: float64, and a thread pool that cannot deadlock. Call it before JAX's first array.

    An explicit setting of the environment variable PJRT_NPROC is left as it is.
    """
    os.environ.setdefault(POOL, "1")
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)
