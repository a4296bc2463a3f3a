"""Independent jobs side by side, in processes: tracing a program holds Python's lock, so threads keep few cores busy.

Processes are started once and serve several stages. They have this process' settings of JAX, leave Ctrl-C to it, and
end with it, however it ends. A job that was lost with a killed process runs again in this one.
"""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import jax

PAYS = 10
"""Jobs from which on processes pay: each takes about 2 seconds to start."""

MOST = 8
"""Processes at most: each takes up to 1.5 GB of memory."""

_SETTINGS = ("jax_enable_x64", "jax_cpu_enable_async_dispatch")

Result = TypeVar("Result")


class LostWorker(UserWarning):
    """A worker process was killed; its jobs are run again."""


@contextmanager
def workers(jobs: int) -> Iterator[Executor]:
    """A pool for about ``jobs`` jobs: processes on the CPU backend, threads for few jobs, one core or a GPU.

    Jobs for processes (:func:`separate`) must be functions of a module with arguments that can be pickled.
    """
    count = min(jobs, os.cpu_count() or 1)
    apart = jobs >= PAYS and count > 1 and jax.default_backend() == "cpu"
    before = multiprocessing.active_children()
    pool = _processes(min(count, MOST)) if apart else ThreadPoolExecutor(max(count, 1))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            if process not in before:
                process.terminate()
        raise
    pool.shutdown()


def separate(pool: Executor) -> bool:
    """Whether the pool's jobs run in other processes."""
    return isinstance(pool, ProcessPoolExecutor)


def run_jobs(
    pool: Executor,
    jobs: Sequence[Callable[[], Result]],
    on_done: Callable[[Result], Any] | None = None,
    thread_safe: bool = True,
) -> list[Result]:
    """Results of all jobs, in their order; ``on_done`` gets each as it comes. The first failing job's error is raised.

    Jobs that are not ``thread_safe`` never run in threads side by side: without processes, one by one.

    Warns:
        LostWorker: a process was killed (out of memory, say): what it left undone is done one by one in this process.
    """
    results: dict[int, Result] = {}

    def keep(at: int, result: Result) -> None:
        results[at] = result
        if on_done is not None:
            on_done(result)

    if not (thread_safe or separate(pool)):
        for at, job in enumerate(jobs):
            keep(at, job())
        return list(results.values())
    try:
        places = {pool.submit(job): at for at, job in enumerate(jobs)}
        for future in as_completed(places):
            keep(places[future], future.result())
    except BrokenProcessPool:
        left = [at for at in range(len(jobs)) if at not in results]
        warnings.warn(
            f"a worker process was killed (out of memory?); {len(left)} of {len(jobs)} jobs run one by one instead",
            LostWorker,
            stacklevel=2,
        )
        for at in left:
            keep(at, jobs[at]())
    return [results[at] for at in range(len(jobs))]


def _processes(count: int) -> ProcessPoolExecutor:
    settings = {name: jax.config.read(name) for name in _SETTINGS} | {"jax_platforms": "cpu"}
    context = multiprocessing.get_context("spawn")  # a fork of JAX's threads can deadlock
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(settings,))
    with _ignoring_interrupts():
        pool.submit(os.getpid)  # starts them all
    return pool


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Processes started here ignore Ctrl-C for good, which reaches a terminal's whole group."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _start(settings: dict[str, Any]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name, value in settings.items():
        jax.config.update(name, value)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
