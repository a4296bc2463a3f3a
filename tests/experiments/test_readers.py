"""Tables and indices from untrusted files: what is read, what is refused, and a few hundred mutated files of each."""

import io
import os
import struct
import subprocess
import zipfile

import numpy as np
import pytest

from experiments.readers import FileFault
from experiments.readers import parquet_files as parquet
from experiments.readers.indices import read_indices
from experiments.readers.tables import read_table
from tests.experiments import fuzz_readers as fuzz

POINTS = fuzz.POINTS


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path."""

    def call(name: str, content: bytes):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return call


@pytest.mark.parametrize("suffix", fuzz.READERS)
def test_sound_files_are_read(suffix, tmp_path):
    for content in fuzz.samples(suffix):
        assert fuzz.attempt(suffix, content, tmp_path) == "read"


@pytest.mark.parametrize("suffix", [s for s in fuzz.READERS if s != ".parquet"])
def test_mutated_files_are_refused_or_whole(suffix, tmp_path):
    wrong = {n: fuzz.attempt(suffix, fuzz.mutated(suffix, n, 1), tmp_path) for n in range(300)}
    assert not {n: outcome for n, outcome in wrong.items() if outcome not in ("read", "refused")}


def test_mutated_parquet_is_refused_or_whole_in_a_child():
    outcomes, failures = fuzz.hunt(".parquet", 300, 1)
    assert not failures
    assert outcomes["refused"] > 100
    assert outcomes["read"] > 5


def test_the_same_points_from_every_format(write):
    draw = np.random.default_rng(3)
    X, y = draw.standard_normal((6, 2)), np.array([1.0, 0, 1, 0, 0, 1])
    text = "a,b,kind\n" + "\n".join(f"{a!r},{b!r},{int(c)}" for (a, b), c in zip(X.tolist(), y, strict=True)) + "\n"
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table({"kind": y > 0, "a": X[:, 0], "b": X[:, 1]}), buffer)
    files = [
        (write("d.npz", fuzz._npz({"X": X, "kind": y}, True)), "kind"),
        (write("d.csv", text.encode()), None),
        (write("d.parquet", buffer.getvalue()), "kind"),
    ]
    for path, label in files:
        table = read_table(path, label)
        np.testing.assert_array_equal(table.X, X)
        np.testing.assert_array_equal(table.y, 2 * y - 1)
        assert "0 and 1 were read as -1 and +1" in table.notes[0]


def header(shape: str, descr: str = "'<f8'", body: bytes = b"") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(name, content)
    return buffer.getvalue()


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, X=np.array([{"a": 1}], object), allow_pickle=True)
    return buffer.getvalue()


def bomb() -> bytes:
    return archive("X.npy", header("(4000000,)", body=bytes(32_000_000)))


def table_of(columns: dict) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


REFUSED_TABLES = {
    "empty": ("a.csv", lambda: b"", "empty"),
    "unknown kind": ("a.pkl", lambda: b"x", r"expected a file name that ends in \.npz, \.csv, \.parquet"),
    "pickled objects": ("a.npz", pickled, "Python objects, which would be unpickled"),
    "zip bomb": ("a.npz", bomb, "more than 500 times: not unpacked"),
    "huge shape": ("a.npz", lambda: archive("X.npy", header("(1000000, 1000000)")), r"needs 8000000000000 bytes, more"),
    "negative shape": ("a.npz", lambda: archive("X.npy", header("(-1, 4)")), "its header cannot be read"),
    "shape beyond the bytes": ("a.npz", lambda: archive("X.npy", header("(9, 4)")), r"needs 288 bytes, got 0"),
    "code in a header": ("a.npz", lambda: archive("X.npy", header("__import__('os')")), "its header cannot be read"),
    "complex": ("a.npz", lambda: archive("X.npy", header("(1,)", "'<c16'", bytes(16))), "expected numbers, got '<c16'"),
    "not arrays": ("a.npz", lambda: archive("X.txt", b"1"), r"expected arrays \(\.npy\) only"),
    "no X": ("a.npz", lambda: fuzz._npz({"y": np.ones(2)}, False), "expected arrays X and y, got y"),
    "other lengths": ("a.npz", lambda: fuzz._npz({"X": np.ones((2, 2)), "y": np.ones(3)}, False), r"shapes \[2, 2\]"),
    "NaN": ("a.npz", lambda: fuzz._npz({"X": np.array([[1, np.nan]]), "y": np.ones(1)}, False), "nan at row 0"),
    "three classes": ("a.csv", lambda: b"a,y\n1,0\n2,1\n3,2\n", "3 classes; choose two"),
    "ragged": ("a.csv", lambda: b"a,y\n1,0\n2\n", "line 3: expected 2 cells, got 1"),
    "a word": ("a.csv", lambda: b"a,y\n1,0\ntwo,1\n", "line 3, column 'a': not a number: 'two'"),
    "not finite": ("a.csv", lambda: b"a,y\n1,0\ninf,1\n", "line 3, column 'a': not a number: 'inf'"),
    "beyond float64": ("a.csv", lambda: b"a,y\n1,0\n1e999,1\n", "inf at row 1, column 0"),
    "no header": ("a.csv", lambda: b"1,0\n2,1\n", "expected a header"),
    "one column": ("a.csv", lambda: b"a\n1\n", "expected 2 to"),
    "header alone": ("a.csv", lambda: b"a,y\n", "got none"),
    "not text": ("a.csv", lambda: b"a,y\n\xff\xfe,1\n", "UTF-8"),
    "open quote": ("a.csv", lambda: b'a,y\n"1,0\n', "not a readable CSV"),
    "not Parquet": ("a.parquet", lambda: b"PAR1 and then nothing", "truncated"),
    "words in Parquet": ("a.parquet", lambda: table_of({"a": ["u", "v"], "y": [0, 1]}), "column 'a' holds string"),
    "nested": ("a.parquet", lambda: table_of({"a": [[1], [2]], "y": [0, 1]}), "nested"),
    "no value": ("a.parquet", lambda: table_of({"a": [1.0, None], "y": [0, 1]}), "no value at row 1, column 'a'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_TABLES)
def test_a_bad_table_is_one_clear_line(case, write):
    name, content, words = REFUSED_TABLES[case]
    path = write(name, content())
    with pytest.raises(FileFault, match=words) as fault:
        read_table(path)
    assert str(path) in str(fault.value)
    assert "\n" not in str(fault.value)


def test_sizes_are_limited_before_anything_is_read(write, tmp_path):
    path = write("a.csv", b"a,y\n" + b"1,0\n" * 200)
    with pytest.raises(FileFault, match="804 bytes, more than the 500 allowed"):
        read_table(path, limit=500)
    with pytest.raises(FileFault, match=r"its numbers need .* more than the 1000 allowed"):
        read_table(path, limit=1000)
    with pytest.raises(FileFault, match="regular file"):
        read_table(_made(tmp_path / "folder.csv"))
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileFault, match="regular file"):
        read_table(tmp_path / "pipe.csv")
    with pytest.raises(FileFault, match="no such file"):
        read_table(tmp_path / "none.csv")


def _made(path):
    path.mkdir()
    return path


def test_a_reader_of_parquet_that_dies_is_a_damaged_file(write, monkeypatch):
    path = write("a.parquet", table_of({"a": [1.0], "y": [1]}))
    dead = subprocess.CompletedProcess([], -11, b"", b"")
    monkeypatch.setattr(parquet.subprocess, "run", lambda *_, **__: dead)
    with pytest.raises(FileFault, match=r"damaged Parquet file .* code -11"):
        read_table(path)


INDICES = {
    "list": ("3,5-7, 1", [3, 5, 6, 7, 1]),
    "text": ("f.txt", b"index\n3\n5-6\n", [3, 5, 6]),
    "csv": ("f.csv", b"3\n4\n", [3, 4]),
    "json": ("f.json", b"[2, 9]", [2, 9]),
    "npy": ("f.npy", fuzz._npy(np.array([4, 2], np.int32)), [4, 2]),
    "mask": ("f.npy", fuzz._npy(np.arange(POINTS) == 5), [5]),
    "npz": ("f.npz", fuzz._npz({"forget": np.array([4])}, True), [4]),
}


@pytest.mark.parametrize("case", INDICES)
def test_indices(case, write):
    *given, wanted = INDICES[case]
    source = given[0] if len(given) == 1 else str(write(*given))
    np.testing.assert_array_equal(read_indices(source, POINTS), wanted)


BAD_INDICES = {
    "beyond": ("12", "from 0 to 11, got 12"),
    "huge range": ("0-999999999999", "from 0 to 11"),
    "twice": ("1-4,3", "got 3 more than once"),
    "backwards": ("4-2", "smaller end first"),
    "word": ("f.txt", b"1,two", "got 'two'"),
    "other digits": ("f.txt", "１".encode(), "expected indices"),
    "negative": ("f.json", b"[-1]", "from 0 to 11, got -1"),
    "a float": ("f.json", b"[1.5]", "JSON list of integers"),
    "true": ("f.json", b"[true]", "JSON list of integers"),
    "deep": ("f.json", b"[" * 100_000, "not readable as JSON"),
    "floats": ("f.npy", fuzz._npy(np.ones(2)), "integer indices, got float64"),
    "short mask": ("f.npy", fuzz._npy(np.ones(3, bool)), "one entry a point"),
    "two arrays": ("f.npz", fuzz._npz({"a": np.ones(1), "b": np.ones(1)}, False), "one array of indices, got a, b"),
    "no file": ("missing.txt", "no such file"),
}


@pytest.mark.parametrize("case", BAD_INDICES)
def test_bad_indices_are_one_clear_line(case, write):
    *given, words = BAD_INDICES[case]
    source = given[0] if len(given) == 1 else str(write(*given))
    with pytest.raises(FileFault, match=words):
        read_indices(source, POINTS)
