"""Mutated files against the readers: ``python -m tests.experiments.fuzz_readers --count 10000``.

Every file must be refused in one clear line or read to whole arrays. Anything else (another exception, more than
SECONDS, memory beyond ROOM, a dead process) is a failure. Files are read in child processes with bounded memory, so
that a crash is seen; the reader of Parquet has its own child, here its inner half is tried.
"""

import argparse
import collections
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.readers import FileFault
from experiments.readers.indices import read_indices
from experiments.readers.models import read_model
from experiments.readers.parquet_files import parse_parquet
from experiments.readers.tables import read_table

SECONDS = 2.0  # for one file
ROOM = 2**29  # bytes of address space beside what the process has at its start
POINTS = 12


def samples(suffix: str) -> list[bytes]:
    """A few sound files of one kind."""
    draw = np.random.default_rng(0)
    X, y = draw.standard_normal((POINTS, 3)), np.where(np.arange(POINTS) % 2, 1.0, -1.0)
    if suffix == ".model.npz":
        given = ({"w": X[0], "b": np.zeros(1)}, {"W": X, "u": y}, {"W": X.astype(np.float32), "u": y, "b": X[:, 0]})
        return [_npz(arrays, packed) for arrays in given for packed in (False, True)]
    if suffix == ".npz":
        return [_npz({"X": X, "y": y}, packed) for packed in (False, True)] + [
            _npz({"X": X.T.copy().T, "y": y > 0}, True)
        ]
    if suffix == ".safetensors":
        from safetensors.numpy import save

        return [
            save({"weight": X[:1], "bias": np.ones(1)}),
            save({"0.weight": X.astype(np.float32), "2.weight": y[None]}),
        ]
    if suffix == ".csv":
        lines = [
            "a,b,c,y",
            *(",".join(f"{v:.5g}" for v in row) + f",{label:g}" for row, label in zip(X, y, strict=True)),
        ]
        return ["\n".join(lines).encode(), "\r\n".join(['"a","b, x",c,y', *lines[1:]]).encode()]
    if suffix == ".parquet":
        return [_parquet(X, y, **options) for options in (
            {}, {"compression": "gzip"}, {"compression": "none", "use_dictionary": False}, {"data_page_version": "2.0"},
            {"compression": "zstd", "row_group_size": 5})]  # fmt: skip
    if suffix == ".npy":
        return [_npy(np.array([0, 3, 5])), _npy(y > 0), _npy(np.array([1, 2], np.uint8))]
    return [b"1, 2\n4-6\n", b"index\n3\n8\n"] if suffix == ".txt" else [b"[1, 2, 7]", b"[0]"]


def _npz(arrays: dict[str, np.ndarray], packed: bool) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _parquet(X: np.ndarray, y: np.ndarray, **options: object) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": X[:, 0], "b": X[:, 1].astype(np.float32), "y": y.astype(int)}), buffer, **options)
    return buffer.getvalue()


def _model(path: Path) -> None:
    model = read_model(path)
    parts = [part for part in (model.W, model.u, model.bias) if part is not None]
    assert all(part.dtype == np.float64 and np.isfinite(part).all() and part.size for part in parts)
    assert model.u is None or len(model.u) == len(model.W)
    assert set(model.arrays()) == {name for name, *_ in model.layout}


def _table(path: Path) -> None:
    table = read_table(path)
    _whole(table.X, table.y)


def _columns(path: Path) -> None:
    names, values = parse_parquet(path, path.read_bytes())
    assert values.shape[1] == len(names)
    assert values.dtype == np.float64
    assert len(values)


def _indices(path: Path) -> None:
    found = read_indices(str(path), POINTS)
    assert len(found)
    assert len(set(found.tolist())) == len(found)
    assert found.min() >= 0
    assert found.max() < POINTS


def _whole(X: np.ndarray, y: np.ndarray) -> None:
    assert X.ndim == 2
    assert X.shape[0] == len(y) > 0
    assert np.isfinite(X).all()
    assert np.isin(y, (-1.0, 1.0)).all()


READERS: dict[str, Callable[[Path], None]] = {
    ".model.npz": _model,
    ".safetensors": _model,
    ".npz": _table,
    ".csv": _table,
    ".parquet": _columns,
    ".npy": _indices,
    ".txt": _indices,
    ".json": _indices,
}
_LENGTHS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x100000000, 2**62, 2**63, 2**64 - 1)


def mutated(suffix: str, number: int, seed: int) -> bytes:
    """File ``number`` of a kind: one to three faults in a sound file, the same for the same seed.

    In half of the archives the faults are in one array, packed again with its right checksum.
    """
    draw = np.random.default_rng([seed, number, *suffix.encode()])
    sound = samples_of(suffix)
    content = sound[draw.integers(len(sound))]
    if not suffix.endswith(".npz") or draw.integers(2):
        return _damaged(content, sound, draw)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = list(members)[draw.integers(len(members))]
    members[chosen] = _damaged(members[chosen], list(members.values()), draw)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in members.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    return buffer.getvalue()


def _damaged(given: bytes, sound: list[bytes], draw: np.random.Generator) -> bytes:
    """``given`` with one to three faults; pieces of other files come from ``sound``."""
    content = bytearray(given)
    for _ in range(draw.choice([1, 1, 2, 3])):
        if not content:
            break
        at, kind = int(draw.integers(len(content))), draw.integers(6)
        if kind == 0:  # bits
            for place in draw.integers(len(content), size=draw.integers(1, 9)):
                content[place] ^= 1 << int(draw.integers(8))
        elif kind == 1:  # truncation, at either end
            content = content[:at] if draw.integers(4) else content[at:]
        elif kind == 2:  # a length field, most often near the ends, where headers are
            ends = draw.integers(3)
            at = min(at, 128) if ends == 0 else max(0, len(content) - 1 - at % 96) if ends == 1 else at
            width = int(draw.choice([1, 2, 4, 8]))
            value = int(_LENGTHS[draw.integers(len(_LENGTHS))]) % 256**width
            content[at : at + width] = value.to_bytes(width, "little")
        elif kind == 3:  # a piece of another file
            other = sound[draw.integers(len(sound))]
            first, size = int(draw.integers(len(other))), int(draw.integers(1, 64))
            content[at : at + size] = other[first : first + size]
        elif kind == 4:  # a piece twice, or left out
            size = int(draw.integers(1, 64))
            content[at:at] = content[at : at + size] if draw.integers(2) else b""
            del content[at : at + (size if draw.integers(2) else 0)]
        else:  # text where numbers were
            content[at : at + 4] = bytes(draw.choice(list(b'0123456789-+eE.,"[]{}()naif\x00\xff\n'), size=4).tolist())
    return bytes(content)


_SAMPLES: dict[str, list[bytes]] = {}


def samples_of(suffix: str) -> list[bytes]:
    """:func:`samples`, made once."""
    if suffix not in _SAMPLES:
        _SAMPLES[suffix] = samples(suffix)
    return _SAMPLES[suffix]


def attempt(suffix: str, content: bytes, folder: Path) -> str:
    """ "read", "refused", or what went wrong."""
    path = folder / f"file{suffix}"
    path.write_bytes(content)
    began = time.perf_counter()
    try:
        READERS[suffix](path)
        outcome = "read"
    except FileFault as fault:
        clear = "\n" not in str(fault) and str(path) in str(fault) and len(str(fault)) < 600
        outcome = "refused" if clear else f"unclear message: {str(fault)[:200]!r}"
    except Exception as fault:
        outcome = f"{type(fault).__name__}: {str(fault)[:200]!r}"
    return outcome if time.perf_counter() - began < SECONDS else f"slow: {time.perf_counter() - began:.1f} s"


def _serve(suffix: str, first: int, last: int, seed: int) -> None:
    """A child: one line of JSON for each file."""
    import resource

    for number in range(2):  # everything imported before memory is bounded
        attempt(suffix, samples_of(suffix)[number % len(samples_of(suffix))], Path(tempfile.mkdtemp()))
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, resource.RLIM_INFINITY))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, last):
            print(json.dumps([number, attempt(suffix, mutated(suffix, number, seed), Path(folder))]), flush=True)


def hunt(suffix: str, count: int, seed: int) -> tuple[collections.Counter[str], list[str]]:
    """Outcomes of ``count`` files of one kind, and a line for each failure."""
    outcomes: collections.Counter[str] = collections.Counter()
    failures = []
    at = 0
    settings = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1"}
    while at < count:
        command = [sys.executable, "-m", "tests.experiments.fuzz_readers", "--worker", suffix]
        command += [str(at), str(count), str(seed)]
        limit = 60 + SECONDS * (count - at)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False, env=settings)
            code, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as fault:
            code, out, err = -9, (fault.stdout or b"").decode(), "hangs"
        for number, outcome in map(json.loads, out.splitlines()):
            outcomes[outcome if outcome in ("read", "refused") else "failure"] += 1
            if outcome not in ("read", "refused"):
                failures.append(f"{suffix} {number}: {outcome}")
            at = number + 1
        if code:
            outcomes["crash"] += 1
            failures.append(f"{suffix} {at}: the process ended with code {code}: {err[-300:]}")
            at += 1
    return outcomes, failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="files in all, shared by the formats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", nargs=4)
    options = parser.parse_args()
    if options.worker:
        suffix, first, last, seed = options.worker
        _serve(suffix, int(first), int(last), int(seed))
        return 0
    worst = 0
    for suffix in READERS:
        began = time.perf_counter()
        outcomes, failures = hunt(suffix, -(-options.count // len(READERS)), options.seed)
        print(f"{suffix:12} {dict(outcomes)} {time.perf_counter() - began:.1f} s", flush=True)
        for line in failures[:20]:
            print(f"  {line}")
        worst += len(failures)
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main())
