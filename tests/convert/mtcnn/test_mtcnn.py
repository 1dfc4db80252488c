from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

import mtcnn_files as files
from facewise.convert.mtcnn import convert_mtcnn, read_networks
from facewise.detection.mtcnn import load_networks
from facewise.detection.mtcnn_nets import ONet, PNet, RNet
from facewise.errors import ModelError
from facewise.runtime.weights import BUNDLED

CLASSES = {"pnet": PNet, "rnet": RNet, "onet": ONet}
SIZES = {"pnet": (31, 44), "rnet": (24, 24), "onet": (48, 48)}


def write(folder, form, arrays):
    """The three networks in one of the forms."""
    for network, values in arrays.items():
        name = files.FILES[network]
        if form.startswith("npy"):
            layers = files.as_tensorflow(values)
            files.write_npy(folder / f"{name}.npy", layers, python2=form.endswith("2"))
        else:
            files.write_caffemodel(folder / f"{name}.caffemodel", values, old=form.endswith("old"))


@pytest.fixture
def arrays(rng):
    return {network: files.draw(network, rng) for network in CLASSES}


@pytest.mark.parametrize(
    ("network", "form"),
    [
        *((network, form) for network in CLASSES for form in ("npy", "caffe")),
        ("rnet", "npy of python 2"),
        ("rnet", "caffe of old"),
    ],
)
def test_a_network_gives_what_the_original_gives(arrays, network, form, rng, tmp_path):
    write(tmp_path, form, {network: arrays[network]})
    (path,) = tmp_path.iterdir()
    (state,) = (read_networks(path)[network],)
    ours = CLASSES[network]()
    ours.load_state_dict(state)
    pictures = rng.standard_normal((3, 3, *SIZES[network]), np.float32)
    *expected, logits = files.run(network, arrays[network], pictures)
    with torch.no_grad():
        *answers, probabilities = ours(torch.from_numpy(pictures))
    for mine, theirs in zip(answers, expected, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)
    assert torch.allclose(probabilities, logits.softmax(dim=1), atol=1e-5)
    assert probabilities.std() > 1e-3


def test_all_forms_give_the_same_file(arrays, tmp_path):
    made = []
    for form in ("npy", "npy of python 2", "caffe"):
        folder = tmp_path / form
        folder.mkdir()
        write(folder, form, arrays)
        made.append(safetensors.torch.load(convert_mtcnn([folder])))
    folder = tmp_path / "torch"
    folder.mkdir()
    for network in CLASSES:
        prefix = f"{network}."
        state = {k.removeprefix(prefix): v for k, v in made[0].items() if k.startswith(prefix)}
        torch.save(state, folder / f"{network}.pt")
    made.append(safetensors.torch.load(convert_mtcnn([folder])))
    torch.save(made[0], tmp_path / "whole.pt")  # as `MTCNN().state_dict()`
    made.append(safetensors.torch.load(convert_mtcnn([tmp_path / "whole.pt"])))
    for other in made[1:]:
        assert other.keys() == made[0].keys()
        assert all(torch.equal(value, made[0][key]) for key, value in other.items())


def test_the_file_is_taken_by_the_detector_and_says_what_it_is_of(arrays, tmp_path):
    write(tmp_path, "npy", arrays)
    paths = [tmp_path / f"det{i}.npy" for i in (3, 1, 2)]
    (tmp_path / "out.safetensors").write_bytes(convert_mtcnn(paths))
    load_networks(tmp_path / "out.safetensors")
    with safetensors.safe_open(tmp_path / "out.safetensors", "pt") as file:
        metadata = file.metadata()
    assert "det1.npy" in metadata["source_files_sha256"]
    assert "licence" not in metadata  # it is not known


@pytest.mark.oracle
def test_facenet_pytorchs_own_files_give_the_bundled_bytes():
    package = importlib.util.find_spec("facenet_pytorch")
    if package is None or package.origin is None:
        pytest.skip("facenet-pytorch is not installed")
    folder = Path(package.origin).parent / "data"
    assert convert_mtcnn([folder]) == (BUNDLED / "mtcnn.safetensors").read_bytes()


class Program:
    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def evil(path):
    program = Program()
    program.path = str(path)
    return program


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_in_a_pickle_is_run(tmp_path, protocol):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    content = pickle.dumps({"conv1": evil(tmp_path / "ran")}, protocol)
    (tmp_path / "det1.npy").write_bytes(start + content)
    with pytest.raises(ModelError, match=r"det1.npy: refused: .*would have to be executed"):
        read_networks(tmp_path / "det1.npy")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name", ["builtins.eval", "numpy.frombuffer", "os.system", "numpy.core.multiarray.scalar"]
)
def test_other_names_are_refused(tmp_path, name):
    module, _, function = name.rpartition(".")
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (tmp_path / "det1.npy").write_bytes(start + f"c{module}\n{function}\n.".encode())
    with pytest.raises(ModelError, match=f"{name} would have to be executed"):
        read_networks(tmp_path / "det1.npy")


@pytest.mark.parametrize("form", ["npy", "npy of python 2", "caffe", "caffe of old"])
def test_damaged_files_are_errors_that_name_them(arrays, form, rng, tmp_path):
    write(tmp_path, form, {"pnet": arrays["pnet"]})
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for size in rng.integers(0, len(content) - 1, 25):
        path.write_bytes(content[:size])
        with pytest.raises(ModelError, match="det1"):
            read_networks(path)
    refused = 0
    for place in [*range(80), *rng.integers(0, len(content), 40)]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            read_networks(path)
        except ModelError as error:
            refused += "det1" in str(error)
    assert refused > 15


def test_pickles_that_ask_for_much_memory_are_refused(tmp_path):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    for content in (
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f",  # bytes of 2 ** 63
        b"\x80\x04}r\xff\xff\xff\x7f.",  # a note under the number 2 ** 31
        b"\x80\x04\x95" + b"\xff" * 8,  # a frame
        b"\x80\x05\x96" + (1 << 45).to_bytes(8, "little"),  # a bytearray
    ):
        (tmp_path / "det1.npy").write_bytes(start + content)
        with pytest.raises(ModelError, match=r"det1\.npy"):
            read_networks(tmp_path / "det1.npy")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda a: a.pop("conv2"), "pnet without conv2.weight"),
        (lambda a: a.pop("conv4-1"), "not a network of MTCNN"),
        (lambda a: a.update({"conv9": a["conv1"]}), None),
        (
            lambda a: a.update({"conv1": [np.ones((10, 3, 5, 5), np.float32), a["conv1"][1]]}),
            r"conv1.weight: expected numbers of shape \(10, 3, 3, 3\), got .*\(10, 3, 5, 5\)",
        ),
        (
            lambda a: a.update({"conv1": [np.ones((10, 27), np.float32), a["conv1"][1]]}),
            "conv1: expected weights of 4 dimensions",
        ),
        (lambda a: a["PReLU1"][0].fill(np.inf), "prelu1.weight holds infinite"),
    ],
)
def test_other_networks_are_refused_by_name(arrays, tmp_path, change, text):
    change(arrays["pnet"])
    files.write_caffemodel(tmp_path / "det1.caffemodel", arrays["pnet"])
    if text is None:  # a layer more does no harm
        assert "pnet" in read_networks(tmp_path / "det1.caffemodel")
        return
    with pytest.raises(ModelError, match=text):
        read_networks(tmp_path / "det1.caffemodel")


def test_files_that_do_not_make_one_detector(arrays, tmp_path):
    write(tmp_path, "npy", arrays)
    one, two = tmp_path / "det1.npy", tmp_path / "det2.npy"
    with pytest.raises(ModelError, match="onet: not in the files that were given"):
        convert_mtcnn([one, two])
    with pytest.raises(ModelError, match=r"det1.npy: pnet again"):
        convert_mtcnn([one, one])
    with pytest.raises(ModelError, match=r"none\.npy: cannot be read"):
        convert_mtcnn([tmp_path / "none.npy"])
    with pytest.raises(ModelError, match=r"x.txt: expected a file .npy, .caffemodel or .pt"):
        convert_mtcnn([tmp_path / "x.txt"])
    np.save(tmp_path / "plain.npy", np.zeros(3))
    with pytest.raises(ModelError, match=r"an array <f8 \(3,\); expected a dictionary"):
        convert_mtcnn([tmp_path / "plain.npy"])
