"""The page's work in threads."""

import time

import pytest

from forgetproof.app import work
from forgetproof.app.jobs import STOPPED, Job
from forgetproof.app.progress import Progress


class TestJob:
    """Work in a thread: progress, an end, and a stop between two parts."""

    @pytest.fixture
    def steps(self, monkeypatch):
        import threading

        gate = threading.Semaphore(0)

        def parts(query):
            for done in range(1, 4):
                gate.acquire(timeout=5)
                yield done, 3, None
            yield 3, 3, query.upper()

        monkeypatch.setitem(work._WORK, "test", parts)
        monkeypatch.setattr(work, "_known", type(work._known)())
        return gate

    def job(self, told):
        import threading

        return Job(threading.Thread, told.append)

    def test_an_outcome_comes_when_the_work_is_done(self, steps):
        told = []
        job = self.job(told)
        assert job.outcome("test?a", patience=0.05) is None
        assert job.running
        steps.release(3)
        assert job.outcome("test?a", patience=5).result == "A"
        assert work.known("test?a").result == "A"

    def test_a_stopped_job_says_so_until_it_is_run_again(self, steps):
        job = self.job([])
        assert job.outcome("test?b", patience=0.05) is None
        job.stop()
        steps.release(3)
        assert job.outcome("test?b", patience=1) == STOPPED
        job.again()
        steps.release(3)
        assert job.outcome("test?b", patience=5).result == "B"

    def test_a_new_task_shows_nothing_of_the_progress_before(self, steps, monkeypatch):
        monkeypatch.setattr("forgetproof.app.jobs._BETWEEN", 0.0)
        told = []
        job = self.job(told)
        assert job.outcome("test?e", patience=0.05) is None
        steps.release(2)
        end = time.monotonic() + 5
        while not told and time.monotonic() < end:
            time.sleep(0.01)
        assert told[-1].done > 0
        assert job.outcome("test?f", patience=0.05) is None
        assert Progress(0, 0) in told
        steps.release(6)

    def test_a_new_task_stops_the_one_before(self, steps):
        job = self.job([])
        assert job.outcome("test?c", patience=0.05) is None
        first = job._stop
        steps.release(6)
        assert job.outcome("test?d", patience=5).result == "D"
        assert first.is_set()
        assert work.known("test?c") is None

    def test_a_defect_is_told_and_not_kept(self, monkeypatch, steps):
        def broken(query):
            yield 1, 2, None
            raise ZeroDivisionError("nothing")

        monkeypatch.setitem(work._WORK, "test", broken)
        assert "ZeroDivisionError" in self.job([]).outcome("test?e", patience=5).fault
        assert work.known("test?e") is None
