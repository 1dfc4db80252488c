"""Files that are damaged or made to harm: each is an error that names it, and nothing runs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import re
import resource
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from facewise.errors import FacewiseError, GalleryError
from facewise.gallery import ExportOptions, ModelFacts, open_store
from facewise.gallery.transfer.exporting import export
from facewise.gallery.transfer.formats import FORMATS, format_to_read
from facewise.gallery.transfer.pickles import SUFFIXES
from gallery_files import FACTS, D, take_assumed, units

ENCODINGS = {"encodings": [np.arange(128.0)] * 3, "names": ["Ann", "Bob", "Ann"]}


class Program:
    """What runs when it is unpickled."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return (open, (self.place, "w"))


# --- pickles


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["encodings.pickle", "faces.csv", "faces", "a.protobuf", "a.npz"])
def test_pickles_are_refused_by_content(empty, tmp_path, protocol, name):
    path = tmp_path / name
    big = {"encodings": [np.arange(128.0) * i for i in range(300)], "names": ["A"] * 300}
    for content in (ENCODINGS, ENCODINGS["encodings"], {"Ann": [0.5]}, ("a", 1), big):
        path.write_bytes(pickle.dumps(content, protocol))
        for form in (None, "csv", "protobuf", "npz"):
            with pytest.raises(GalleryError) as caught:
                take_assumed(empty, path, format=form)
            text = str(caught.value)
            assert text.startswith(f"{path}: a pickle")
            assert "to load a pickle is to run" in text
            assert "n.savez(" in text
            assert "\n" not in text


def test_the_way_out_of_a_pickle(tmp_path):
    """What the error and the docs say works, where the pickle was made."""
    facts = ModelFacts({"model": "dlib_resnet29.dlib"}, 128)
    (tmp_path / "encodings.pickle").write_bytes(pickle.dumps(ENCODINGS))
    with open_store(tmp_path / "a.db", create=facts) as store:
        with pytest.raises(GalleryError) as caught:
            take_assumed(store, tmp_path / "encodings.pickle")
        code = re.search(r'python -c "([^"]*)"', str(caught.value))[1]
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
        found = take_assumed(store, tmp_path / "faces.npz")
        assert (found.people, found.faces, found.normalised) == (2, 2, 3)
    page = (Path(__file__).parents[3] / "docs" / "gallery-files.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(import pickle.*?)```", page, re.DOTALL)[1]
    for content in (ENCODINGS, dict(zip("AB", ENCODINGS["encodings"], strict=False))):
        (tmp_path / "encodings.pickle").write_bytes(pickle.dumps(content))
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
        with np.load(tmp_path / "faces.npz", allow_pickle=False) as arrays:
            assert set(arrays["names"]) == set(content.get("names", "AB"))


def test_nothing_of_a_pickle_runs(empty, tmp_path):
    trap = tmp_path / "ran"
    for name in ("a.pickle", "a.csv", "a.npz", "a.npy", "a.h5", "a.parquet"):
        for protocol in (0, 2, 4):
            (tmp_path / name).write_bytes(pickle.dumps(Program(trap), protocol))
            with pytest.raises(GalleryError):
                take_assumed(empty, tmp_path / name)
    objects = np.array([Program(trap)] * 2, object)
    np.save(tmp_path / "b.npy", objects)
    (tmp_path / "names.txt").write_text("Ann\nBob\n")
    with pytest.raises(GalleryError, match=r"Python objects.*run whatever"):
        take_assumed(empty, tmp_path / "b.npy", names=tmp_path / "names.txt")
    for vectors, names in ((objects, ["A", "B"]), (np.eye(2, D), objects)):
        np.savez(tmp_path / "b.npz", vectors=vectors, names=names)
        with pytest.raises(GalleryError, match=r"b\.npz: array .*Python objects.*run whatever"):
            take_assumed(empty, tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", vectors=np.eye(2, D), names=["A", "B"], model=objects)
    with pytest.raises(GalleryError, match="Python objects"):
        take_assumed(empty, tmp_path / "c.npz")
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive:  # as torch.save writes it
        archive.writestr("archive/data.pkl", pickle.dumps(Program(trap)))
    with pytest.raises(GalleryError, match=r"a pickle, archive/data\.pkl"):
        take_assumed(empty, tmp_path / "model.npz")
    assert not trap.exists()


def test_packed_pickles_are_refused(empty, tmp_path):
    content = pickle.dumps(ENCODINGS)
    for pack in (gzip.compress, bz2.compress, lzma.compress, zlib.compress):
        (tmp_path / "a.csv").write_bytes(pack(content))
        with pytest.raises(GalleryError, match="packed with"):
            take_assumed(empty, tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_called_a_pickle_is_refused(empty, tmp_path, suffix):
    path = tmp_path / f"dataset_faces{suffix}"
    path.write_text("name,v0\n")
    with pytest.raises(GalleryError, match="by its name"):
        take_assumed(empty, path)


def test_texts_are_no_pickles(tmp_path):
    """Headers that begin with letters that are operations of pickles."""
    path = tmp_path / "a.csv"
    for header in (
        "created,name,v0",
        "name,v0",
        "label;embedding",
        "(name),v0",
        "I1\n.",
        "N,.",
        "]",
    ):
        path.write_text(f"{header}\nAnn,1\n")
        assert format_to_read(str(path), None).name == "csv"
    np.savez(tmp_path / "faces.dat", vectors=np.eye(1, D), names=["Ann"])
    (tmp_path / "faces.dat.npz").rename(tmp_path / "faces.dat")  # a good file by a bad name
    assert format_to_read(str(tmp_path / "faces.dat"), None).name == "npz"


# --- damage


@pytest.mark.parametrize("name", ["a.parquet", "a.npz", "a.h5", "a.protobuf"])
def test_truncated_files(store, empty, tmp_path, name, rng):
    """Cut anywhere: an error that names the file, and nothing is imported; never a part of it."""
    export(store, tmp_path / name, ExportOptions())
    content = (tmp_path / name).read_bytes()
    path = tmp_path / f"cut-{name}"
    cuts = {0, 1, 4, 8, 100, len(content) - 1, *rng.integers(0, len(content), 20).tolist()}
    ends = _ends(content) if name == "a.protobuf" else set()
    for cut in cuts - ends:
        path.write_bytes(content[:cut])
        with pytest.raises(FacewiseError) as caught:
            take_assumed(empty, path)
        assert str(path) in str(caught.value), cut
    assert empty.counts() == (0, 0, 0)


def _ends(content):
    """Where a face of a protobuf ends: cut there, it is a whole message of fewer faces."""
    from google.protobuf import proto

    from facewise.gallery.transfer.facerec_protobuf import _messages

    file, found = io.BytesIO(content), {0}
    while file.read(1):
        proto.parse_length_prefixed(_messages()[1], file)
        found.add(file.tell())
    return found


@pytest.mark.parametrize("name", ["a.parquet", "a.npz", "a.h5", "a.protobuf", "a.csv"])
def test_damaged_files_are_our_errors(store, tmp_path, name, rng):
    """Bytes changed anywhere: an error of ours, or rows that are refused, or other numbers."""
    export(store, tmp_path / name, ExportOptions())
    content = bytearray((tmp_path / name).read_bytes())
    path = tmp_path / f"bad-{name}"
    for trial in range(25):
        bad = content.copy()
        places = rng.integers(0, len(bad), 200) if trial % 2 else rng.integers(0, 600, 3)
        for place in places:
            bad[-place - 1 if trial % 3 else place] = rng.integers(0, 256)
        path.write_bytes(bad)
        with open_store(tmp_path / f"{trial}.db", create=FACTS) as other:
            try:
                take_assumed(other, path)
            except FacewiseError as error:
                assert str(path) in str(error)  # noqa: PT017 - either is right
            assert other.check() == []


@pytest.mark.parametrize("name", [f"a{suffix}" for f in FORMATS.values() for suffix in f.suffixes])
def test_files_of_nothing_and_of_noise(empty, tmp_path, name, rng):
    for content in (b"", b"\0" * 1000, rng.bytes(5000), b"name\n" * 50, b"PK\x03\x04", b"PAR1PAR1"):
        (tmp_path / name).write_bytes(content)
        if name in ("a.protobuf", "a.pb") and not content:
            continue  # a message without faces
        with pytest.raises(FacewiseError) as caught:
            take_assumed(empty, tmp_path / name)
        assert name in str(caught.value)
    assert empty.counts() == (0, 0, 0)


def test_what_is_no_file(empty, tmp_path):
    for path, words in ((tmp_path / "no.csv", "no such file"), (tmp_path, "without shards")):
        with pytest.raises(GalleryError, match=words):
            take_assumed(empty, path)
    np.savez(tmp_path / "a.npz", vectors=np.eye(1, D), names=["Ann"])
    with pytest.raises(GalleryError, match="is of the format npz, not csv"):
        take_assumed(empty, tmp_path / "a.npz", format="csv")
    (tmp_path / "a.npz").rename(tmp_path / "a.csv")
    assert take_assumed(empty, tmp_path / "a.csv").faces == 1  # whatever it is called


# --- tables


def test_tables_of_something_else(empty, tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    vector = [[0.5] * D]
    for columns, words in (
        ({"vector": vector}, "no column 'name'; it has: vector"),
        ({"name": ["Ann"], "size": [3]}, "no column 'vector'; it has: name, size"),
        ({"name": ["Ann"], "vector": ["text"]}, "expected lists of numbers, got string"),
        ({"name": ["Ann"], "vector": [[1] * D]}, "expected floating-point numbers, got int64"),
        ({"name": ["Ann"], "person": ["B"], "vector": vector}, "two columns for name"),
    ):
        parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
        with pytest.raises(GalleryError, match=words):
            take_assumed(empty, tmp_path / "a.parquet")
    good = pa.table({"name": ["Ann"], "vector": vector})
    for metadata, words in (
        ({"facewise.gallery": "2"}, "of format b'2'; this facewise reads format 1"),
        ({"facewise.gallery": "1"}, "damaged: facts of the model"),
    ):
        parquet.write_table(good.replace_schema_metadata(metadata), tmp_path / "a.parquet")
        with pytest.raises(GalleryError, match=words):
            take_assumed(empty, tmp_path / "a.parquet")


def test_csv_of_something_else(empty, tmp_path):
    path, good = tmp_path / "a.csv", "name," + ",".join(f"v{i}" for i in range(D))
    for content, words in (
        ("a,b\n1,2\n", "no column 'name'; it has: a, b"),
        ("name,age\nAnn,2\n", "no column 'vector'; it has: name, age"),
        ("name,v0,v2\nAnn,2,3\n", "numbered 0 to 2, but there are 2"),
        ("name,v0,e0\nAnn,2,3\n", "two columns for number 0"),
        ("name,v0,vector\nAnn,2,[3]\n", "both a column 'vector' and one for each number"),
        (f'{good}\n"Ann,2\n', "near line"),
        (f"{good}\n" + "x" * (1 << 18) + ",1\n", "near line"),
        (f"{good}\n" + "x," * (1 << 22), "line 2: a row of more than 4,194,304 characters"),
        (f"{good}\n" + '"' + "x\n" * (1 << 16), "near line"),
    ):
        path.write_text(content)
        with pytest.raises(GalleryError, match=words):
            take_assumed(empty, path)
    path.write_bytes(f"{good}\nZoë,1\n".encode("latin-1"))
    with pytest.raises(GalleryError, match="no CSV in UTF-8"):
        take_assumed(empty, path)
    path.write_text(",".join(f"v{i}" for i in range(1_000_000)))
    with pytest.raises(GalleryError, match="line 1: a row of more than"):
        take_assumed(empty, path)
    path.write_text("name," + ",".join(f"v{i}" for i in range(300_000)) + "\n")
    with pytest.raises(GalleryError, match="300000 numbers"):
        take_assumed(empty, path)


# --- HDF5


def test_h5_that_leads_elsewhere(empty, tmp_path, rng):
    h5py = pytest.importorskip("h5py")
    vector = units(rng, 1)[0]
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file.create_dataset("Eve/embedding", data=vector)
    secret = str(tmp_path / "secret.h5")
    layout = h5py.VirtualLayout((D,), "f4")
    layout[:] = h5py.VirtualSource(secret, "Eve/embedding", (D,))
    (tmp_path / "raw").write_bytes(vector.tobytes())
    raw = [(str(tmp_path / "raw"), 0, 4 * D)]

    def person(file):
        return file.create_group("Ann")

    for i, (make, words) in enumerate(
        (
            (lambda f: f.__setitem__("Ann", h5py.ExternalLink(secret, "Eve")), "'Ann'.* a link"),
            (lambda f: f.__setitem__("Ann", h5py.SoftLink("/Ann")), "'Ann'.* a link"),
            (lambda f: f.__setitem__("Ann", h5py.SoftLink("/nowhere")), "'Ann'.* a link"),
            (
                lambda f: person(f).__setitem__(
                    "embedding", h5py.ExternalLink(secret, "Eve/embedding")
                ),
                "'Ann'.* a link",
            ),
            (lambda f: person(f).__setitem__("1", h5py.SoftLink("/Ann")), "'Ann/1'.* a link"),
            (lambda f: person(f).create_virtual_dataset("embedding", layout), "in another file"),
            (
                lambda f: person(f).create_dataset("embedding", (D,), "f4", external=raw),
                "in another file",
            ),
            (lambda f: f.create_dataset("Ann", data=vector), "'Ann': expected a group"),
            (lambda f: f.create_group("Ann/1"), "'Ann/1': has no 'embedding'"),
            (lambda f: f.create_group("Ann/1/embedding"), "'embedding' is no array"),
            (lambda f: f.create_dataset("Ann/embedding", data="text"), "got object"),
            (lambda f: f.create_dataset("Ann/embedding", data=np.arange(D)), "got int64"),
            (lambda f: f.create_dataset("Ann/embedding", data=np.zeros((1, 1, D))), "shape"),
            (lambda f: f.create_dataset("Ann/embedding", data=h5py.Empty("f4")), "no array"),
            (
                lambda f: f.create_dataset("Ann/embedding", (10**9, D), "f4", chunks=(1, D)),
                r"says that it has the shape \(1000000000, 32\)",
            ),
            (
                lambda f: f.create_dataset(
                    "Ann/embedding",
                    (1, D),
                    "f4",
                    chunks=(10**6, D),
                    maxshape=(None, D),
                    compression=1,
                ),
                r"pieces of \(1000000, 32\)",
            ),
        )
    ):
        path = tmp_path / f"{i}.h5"
        with h5py.File(path, "w") as file:
            make(file)
        with pytest.raises(GalleryError, match=words) as caught:
            take_assumed(empty, path)
        assert str(path) in str(caught.value)
    assert empty.counts() == (0, 0, 0)


def test_h5_that_goes_in_circles(empty, tmp_path, rng):
    """Groups that are within themselves: no deeper than the layouts are."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("Ann")
        group["again"] = group
    with pytest.raises(GalleryError, match="'Ann/again': has no 'embedding'"):
        take_assumed(empty, tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["root"] = file["/"]
        file.create_dataset("root/embedding", data=units(rng, 1)[0])
    with pytest.raises(GalleryError):
        take_assumed(empty, tmp_path / "b.h5")


def test_h5_attributes_that_are_no_text(empty, tmp_path, rng):
    h5py = pytest.importorskip("h5py")
    for value in (3, [b"a", b"b"], np.zeros((2, 2))):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("Ann/1/embedding", data=units(rng, 1)[0])
            file["Ann/1"].attrs["file_path"] = value
        with pytest.raises(GalleryError, match=r"'Ann/1': attribute 'file_path'"):
            take_assumed(empty, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("Ann/1/embedding", data=units(rng, 1)[0])
        file.attrs["facewise.model"] = "{}"
    with pytest.raises(GalleryError, match="facts of the model"):
        take_assumed(empty, tmp_path / "a.h5")


# --- arrays


def test_arrays_of_something_else(empty, tmp_path, rng):
    vectors = units(rng, 2)
    for arrays, words in (
        ({"names": ["A", "B"]}, "no array 'vectors'; it has: names.npy"),
        ({"vectors": vectors}, "no array 'names'"),
        ({"vectors": vectors[0], "names": ["A"]}, r"expected vectors.*shape \(32,\)"),
        ({"vectors": np.ones((2, D), int), "names": ["A", "B"]}, "expected vectors.*int64"),
        ({"vectors": np.asfortranarray(vectors), "names": ["A", "B"]}, "ascontiguousarray"),
        ({"vectors": vectors, "names": ["A"]}, "1 texts for 2 vectors"),
        ({"vectors": vectors, "names": [1, 2]}, "expected texts"),
        ({"vectors": vectors, "names": ["A", "B"], "sources": ["a"]}, "1 texts for 2 vectors"),
        ({"vectors": vectors, "names": ["A", "B"], "model": "{}"}, "facts of the model"),
        ({"vectors": vectors, "names": ["A", "B"], "model": [1.0]}, "expected one text"),
        ({"vectors": vectors, "names": np.array([b"\xff", b"B"])}, "no UTF-8"),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(GalleryError, match=words) as caught:
            take_assumed(empty, tmp_path / "a.npz")
        assert "a.npz" in str(caught.value)


def test_arrays_that_say_they_are_huge(empty, tmp_path):
    """A header is believed only as far as there are bytes behind it."""
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }"
    for descr, shape, words in (
        ("<f4", (10**12, D), "1 texts"),
        ("<f4", (2, 10**12), "expected vectors"),
        ("<f4", (-1, D), "damaged|too early|expected"),
        ("<f4", (1 << 70, D), "damaged|too early"),
        ("O", (1, D), "Python objects"),
        ("<U1000000", (1, D), "expected vectors"),
        ("[('a', '<f4')]", (1, D), "damaged|expected"),
        ("__import__('os')", (1, D), "damaged"),
    ):
        text = (header % (descr, shape)).encode()
        text += b" " * (118 - len(text) % 64) + b"\n"
        content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(4 * D)
        (tmp_path / "a.npy").write_bytes(content)
        names = tmp_path / "names.npy"
        np.save(names, np.array(["Ann"]))
        with pytest.raises(GalleryError, match=words):
            take_assumed(empty, tmp_path / "a.npy", names=names)
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("vectors.npy", content)
            archive.writestr("names.npy", content)
        with pytest.raises(GalleryError):
            take_assumed(empty, tmp_path / "a.npz")


PEAK = """
import resource, sys
from pathlib import Path
import numpy as np
sys.path[:0] = sys.argv[4:]
from facewise.gallery import ExportOptions, ImportOptions, open_store
from facewise.gallery.transfer.importing import import_file
from facewise.gallery.transfer.exporting import export
import facewise.gallery.searching
for module in ("pyarrow.parquet", "h5py", "google.protobuf.proto"):
    __import__(module)
do, store, path = sys.argv[1:4]
with open_store(store) as store:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if do == "export":
        export(store, path, ExportOptions())
    else:
        import_file(store, path, ImportOptions(assume_model=True))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.npz", "a.h5", "a.protobuf"])
def test_memory_is_bounded(tmp_path, rng, name):
    """60,000 vectors of 512 numbers, 117 MB: neither way takes more than 150 MB on top."""
    from facewise.gallery import NewFace

    facts = ModelFacts({"model": "probe.colour"}, 512)
    with open_store(tmp_path / "a.db", create=facts) as store:
        for part in range(30):
            vectors = units(rng, 2000, 512)
            with store.change() as change:
                for i in range(200):
                    person = change.add_person(f"{part}/{i}")
                    change.add_faces(person, [NewFace(v, "x") for v in vectors[i * 10 :][:10]])
    open_store(tmp_path / "b.db", create=facts).close()
    for do, store in (("export", "a.db"), ("import", "b.db")):
        command = [sys.executable, "-c", PEAK, do, str(tmp_path / store), str(tmp_path / name)]
        done = subprocess.run([*command, *sys.path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) < 150
    with open_store(tmp_path / "b.db") as store:
        assert store.counts()[:2] == (6000, 60_000)


def test_bombs_stay_small(empty, tmp_path):
    """Files that unpack to far more than they are: refused, or read a little at a time."""
    np.savez_compressed(
        tmp_path / "a.npz", vectors=np.zeros((50_000, D), np.float32), names=["A"] * 50_000
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert take_assumed(empty, tmp_path / "a.npz").refused_count == 50_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    flat = pa.array(np.zeros(3_000_000 * D // 4, np.float32))
    table = {
        "name": pa.array(["A"] * 750_000).dictionary_encode(),
        "vector": pa.FixedSizeListArray.from_arrays(flat, D),
    }
    parquet.write_table(pa.table(table), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 20
    if sum(_sizes(tmp_path / "a.parquet")) > 1 << 26:
        with pytest.raises(GalleryError, match="no real vectors"):
            take_assumed(empty, tmp_path / "a.parquet")


def _sizes(path):
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return [file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)]


def test_a_file_that_may_not_be_read(empty, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,v0\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(GalleryError, match="cannot be read"):
        take_assumed(empty, Path(path))
