"""Workers for a sweep: processes of this machine, or those of a scheduler that runs somewhere."""

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from theory.solvers.memory import physical_memory

DASHBOARD = 8787
LOST = 3
"""Workers that a task may lose; with the next it counts as what kills them."""

_SETTINGS = {
    "distributed.logging.distributed": "critical",  # lost workers are expected, and counted by the runner
    "distributed.scheduler.allowed-failures": LOST,
    "distributed.deploy.lost-worker-timeout": "1 hour",  # a busy machine needs long to start one again
}
_TEND = 2.0  # seconds
_RESTARTS = 100  # of workers that did not get as far as to start


class ClusterError(ValueError):
    """The workers cannot be had, or not used; one line that says why."""


@contextmanager
def workers(count: int | None = None, scheduler: str | None = None) -> Iterator[Any]:
    """A ``distributed.Client`` of ``count`` processes (a core each) with one thread each, or of a running scheduler.

    Own processes listen on loopback alone and end with this process, however it ends; a killed one is started again.

    Raises:
        ClusterError: no scheduler answers at the address.
    """
    import dask
    from distributed import Client

    from experiments.engine.plugin import Settings

    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # for the processes started here
    with dask.config.set(_SETTINGS):
        for part in ("", ".batched", ".client", ".core", ".nanny", ".scheduler"):
            logging.getLogger("distributed" + part).setLevel(logging.CRITICAL + 1)  # what matters is raised
        if scheduler is None:
            with _local(count or cores()) as cluster, Client(cluster, set_as_default=False) as client:
                client.register_plugin(Settings(own=True))
                yield client
            return
        try:
            client = Client(scheduler, timeout="20s", set_as_default=False)
        except (OSError, ValueError, TypeError) as fault:
            raise ClusterError(f"--scheduler: no scheduler answers at {scheduler!r} ({fault})") from fault
        with client:
            client.register_plugin(Settings(own=False))
            yield client


@contextmanager
def _local(count: int) -> Iterator[Any]:
    """Worker processes that are started again when they are killed, also while they start."""
    from distributed import LocalCluster
    from distributed.core import Status

    logging.getLogger("tornado").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a busy port: another is taken, and shown
        cluster: Any = LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=f"127.0.0.1:{DASHBOARD}",
            silence_logs=logging.CRITICAL,
            memory_limit=physical_memory() / count,
        )
    ended = threading.Event()

    def tend() -> None:
        """distributed itself starts again only workers that had started once."""
        left = _RESTARTS
        while left and not ended.wait(_TEND):
            dead = [
                name for name, nanny in list(cluster.workers.items()) if nanny.status in (Status.closed, Status.failed)
            ]
            for name in dead:
                cluster.workers.pop(name, None)
            if dead:
                cluster.scale(count)
            left = max(left - len(dead), 0)
        if not left:
            cluster.close()  # the runner then says so

    with cluster:
        cluster.scale(count)
        threading.Thread(target=tend, daemon=True).start()
        try:
            yield cluster
        finally:
            ended.set()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
