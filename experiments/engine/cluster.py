"""Workers for a sweep: processes of this machine, or those of a scheduler that runs somewhere."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DASHBOARD = 8787
LOST = 3
"""Workers that a task may lose; with the next it counts as what kills them."""

_SETTINGS = {
    "distributed.logging.distributed": "critical",  # lost workers are expected, and counted by the runner
    "distributed.scheduler.allowed-failures": LOST,
}


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
    from distributed import Client, LocalCluster

    from experiments.engine.plugin import Settings

    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # for the processes started here
    with dask.config.set(_SETTINGS):
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        if scheduler is None:
            cluster: Any = LocalCluster(
                n_workers=count or cores(),
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=f"127.0.0.1:{DASHBOARD}",
                silence_logs=logging.CRITICAL,
            )
            with cluster, Client(cluster, set_as_default=False) as client:
                client.register_plugin(Settings())
                yield client
            return
        try:
            client = Client(scheduler, timeout="20s", set_as_default=False)
        except (OSError, ValueError, TypeError) as fault:
            raise ClusterError(f"--scheduler: no scheduler answers at {scheduler!r} ({fault})") from fault
        with client:
            client.register_plugin(Settings())
            yield client


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
