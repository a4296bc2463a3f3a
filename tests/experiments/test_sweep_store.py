"""The store of a sweep: what is finished stays, what is not does not count, and damage is found."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.engine import store as stores
from experiments.engine.dataset import load_sweep
from experiments.engine.grid import Chunk, Grid
from experiments.engine.lock import StoreLocked
from experiments.engine.store import StoreError, held, kept, open_store
from tests.experiments.quick_sweep import SWEEP
from tests.experiments.sweep_stores import computed, empty, filled


@pytest.fixture
def whole(tmp_path):
    return filled(tmp_path / "store")


def test_a_store_comes_back_as_one_labelled_dataset(whole):
    store, grid, _ = whole
    dataset = load_sweep(store.folder)
    assert dict(dataset.sizes) == {"x": 3, "size": 2, "seed": 2, "power": 2}
    assert dataset.powers.dims == ("x", "size", "seed", "power")
    assert all({"units", "long_name"} <= set(v.attrs) for v in dataset.variables.values())
    left_out = dataset.status.sel(size=2, seed=1)
    assert (left_out == 3).all()
    assert (dataset.status == 1).sum() == 9
    assert np.isnan(dataset.end.sel(size=2, seed=1)).all()
    for x in grid.axes["x"]:
        for seed in (0, 1):
            at = {"x": x, "size": 1, "seed": seed, "power": np.array([1.0, 2.0])}
            found = SWEEP.cell(at, grid.settings)
            assert float(dataset.end.sel(x=x, size=1, seed=seed)) == pytest.approx(float(found["end"]), rel=1e-12)
            np.testing.assert_allclose(dataset.powers.sel(x=x, size=1, seed=seed), found["powers"], rtol=1e-12)
    assert dataset.attrs["chunks"] == dataset.attrs["chunks_finished"] == 3
    assert json.loads(dataset.attrs["settings"]) == {"steps": 100}
    environment = json.loads(dataset.attrs["environment"])
    assert environment[0]["chunks"] == 3
    assert {"host", "device", "revision", "versions"} <= set(environment[0])


def test_an_unfinished_store_loads_and_says_what_is_missing(tmp_path):
    store, _, chunks = filled(tmp_path / "store", [1])
    dataset = load_sweep(store.folder)
    assert int((dataset.status == 0).sum()) == len(chunks[0].cells) + len(chunks[2].cells)
    assert int(np.isfinite(dataset.end).sum()) == len(chunks[1].cells)


def test_a_region_without_its_marker_does_not_count(whole):
    store = whole[0]
    (store.folder / "chunks" / "000001.json").unlink()
    assert sorted(open_store(store.folder).markers()) == [0, 2]
    assert (load_sweep(store.folder).status == 0).sum() == len(whole[2][1].cells)


DAMAGES = {
    "a bit of a region": lambda f: flip(f / "data.zarr" / "results" / "c" / "1" / "0" / "0"),
    "a region cut short": lambda f: cut(f / "data.zarr" / "results" / "c" / "1" / "0" / "0"),
    "a region lost": lambda f: (f / "data.zarr" / "results" / "c" / "1" / "0" / "0").unlink(),
    "a marker cut short": lambda f: cut(f / "chunks" / "000001.json"),
    "a marker of another kind": lambda f: (f / "chunks" / "000001.json").write_text("[1]"),
}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_mended(whole, damage):
    store, grid, chunks = whole
    before = load_sweep(store.folder)
    DAMAGES[damage](store.folder)
    assert sorted(store.markers()) == [0, 2]
    assert store.damaged() == [1]
    with pytest.raises(StoreError, match=r"chunk 1 is damaged; 'forgetproof sweep --resume' computes it again"):
        load_sweep(store.folder)
    store.write(1, computed(SWEEP, grid, chunks[1]))
    again = load_sweep(store.folder)
    assert all(again[name].values.tobytes() == before[name].values.tobytes() for name in before.variables)


def test_a_damaged_description_is_refused(whole):
    path = whole[0].folder / "sweep.json"
    text = path.read_text()
    for content, message in (
        (text[:-5], "damaged"),
        (text.replace('"steps": 100', '"steps": 101'), "its content does not match its digest"),
        (text.replace("sweep 1", "sweep 9"), "expected a store of format"),
        ("[]", "not a store of a sweep"),
    ):
        path.write_text(content)
        with pytest.raises(StoreError, match=message):
            open_store(whole[0].folder)
    with pytest.raises(StoreError, match="no such store"):
        open_store(whole[0].folder / "missing")
    with pytest.raises(StoreError, match="not a store of a sweep"):
        open_store(whole[0].folder / "chunks")


def test_a_folder_in_use_is_never_overwritten(tmp_path):
    (tmp_path / "store").mkdir()
    empty(tmp_path / "store")
    with pytest.raises(StoreError, match="expected a new or empty folder"):
        empty(tmp_path / "store")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["store"], "nothing half-made is left"


def test_what_a_killed_runner_left_is_cleared(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale = tmp_path / f".store.partial-{dead.pid}"
    stale.mkdir()
    alive = tmp_path / ".store.partial-1"
    alive.mkdir()
    empty(tmp_path / "store")
    assert not stale.exists()
    assert alive.exists()


def test_a_second_runner_is_refused(whole):
    store = whole[0]
    message = rf"another runner writes to this store \(process {os.getpid()} on {socket.gethostname()}\)"
    with held(store), pytest.raises(StoreLocked, match=message), held(store):
        pass
    with held(store):
        pass


def test_a_dead_runners_lock_is_taken_over_but_not_another_machines(whole):
    store = whole[0]
    lock = store.folder / "lock"
    for left in (json.dumps({"pid": 2**22 + 1, "host": socket.gethostname()}), "", '{"pid": 1, "ho', "[]"):
        lock.write_text(left)
        with held(store):
            assert json.loads(lock.read_text())["pid"] == os.getpid()
        assert lock.read_text() == ""
    lock.write_text(json.dumps({"pid": 7, "host": "elsewhere"}))
    refused = pytest.raises(StoreLocked, match="process 7 on elsewhere writes to this store; if it has ended, delete")
    with refused, held(store):
        pass


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    store, grid, chunks = filled(tmp_path / "store", [0])
    results = [computed(SWEEP, grid, chunk) for chunk in chunks]
    usual = os.fsync

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stores.os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as fault:
        store.write(1, results[1])
    assert fault.value.filename == str(store.folder)
    monkeypatch.setattr(stores.os, "fsync", usual)
    assert sorted(store.markers()) == [0]
    assert kept(store.folder) == "1 of 3 chunks are kept, go on with --resume"
    store.write(1, results[1])
    assert sorted(store.markers()) == [0, 1]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def write_all(store: stores.Store, grid: Grid, chunks: list[Chunk]) -> None:
    for index, chunk in enumerate(chunks):
        store.write(index, computed(SWEEP, grid, chunk, 16))


@pytest.mark.slow
def test_a_disk_that_really_is_full_loses_nothing(small_disk):
    base = {**SWEEP.tiny, "x": [i / 4000 for i in range(4000)], "size": [1]}
    store, grid, chunks = empty(small_disk / "store", SWEEP, base, 16)
    with pytest.raises(OSError, match="No space left on device"):
        write_all(store, grid, chunks)
    done = len(store.markers())
    assert 5 < done < len(chunks) - 1
    assert sorted(open_store(store.folder).markers()) == list(range(done))
    (store.folder / "chunks" / "000000.json").unlink()  # makes room
    (store.folder / "data.zarr" / "results" / "c" / "0" / "0" / "0").unlink()
    store.write(done, computed(SWEEP, grid, chunks[done], 16))
    assert sorted(store.markers()) == list(range(1, done + 1))


@pytest.mark.slow
def test_a_read_only_store_says_so_and_can_be_read(small_disk):
    store = filled(small_disk / "store")[0]
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OSError, match="Read-only file system") as fault, held(store):
        pass
    assert str(store.folder) in str(fault.value.filename)
    assert (load_sweep(store.folder).status == 1).sum() == 9
    with pytest.raises(OSError, match="Read-only file system"):
        empty(small_disk / "other")
