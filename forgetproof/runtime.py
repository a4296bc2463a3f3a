"""How this project's own processes (the command line, the tests) start JAX; the library changes no global setting."""

import os

SINGLE_THREADED = "--xla_cpu_multi_thread_eigen=false"
"""XLA on the CPU can deadlock when a batched LAPACK call waits, inside the intra-op thread pool, for
workers of that same pool: seen with batched Cholesky factors on two cores (jax 0.10.2). One thread an
executable avoids it; the cores are used by running several executables side by side instead."""


def start_jax() -> None:
    """Set what must be set before JAX's first array: float64 and XLA's thread flag."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_cpu_multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {SINGLE_THREADED}".strip()
    import jax

    jax.config.update("jax_enable_x64", True)
