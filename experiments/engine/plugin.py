"""What a worker process does when it starts: JAX is set as in the runner's process."""

import os
import signal
import threading
from typing import Any

from distributed import WorkerPlugin

_JAX = ("jax_enable_x64", "jax_cpu_enable_async_dispatch")
_VARIABLES = ("PJRT_NPROC", "OPENBLAS_NUM_THREADS", "XLA_FLAGS")


class Settings(WorkerPlugin):
    """The environment variables and settings of JAX of the process that makes it, for every worker.

    Args:
        own: the workers are processes of the runner: Ctrl-C, which reaches a terminal's whole group, is for it alone.
    """

    name = "forgetproof"

    def __init__(self, own: bool) -> None:
        import jax

        self.own = own
        self.variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
        self.options = {name: jax.config.read(name) for name in _JAX}

    def setup(self, worker: Any) -> None:
        """Before the worker's first task, and so before its first array."""
        del worker
        if self.own and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        for name, value in self.variables.items():
            os.environ.setdefault(name, value)
        import jax

        for name, value in self.options.items():
            jax.config.update(name, value)
