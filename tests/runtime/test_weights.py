"""Weight files that are none: what is said, and that nothing in them is run."""

from __future__ import annotations

import io
import pickle
import zipfile

import pytest
import torch

from facewise.convert.torch_files import read_checkpoint
from facewise.errors import ModelError
from facewise.runtime.weights import read_tensors


class _Program:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('it ran')",))


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_with_a_program_is_named_and_not_run(tmp_path, protocol):
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps({"a": _Program()}, protocol=protocol))
    with pytest.raises(ModelError) as refused:
        read_tensors(path)
    assert str(path) in str(refused.value)
    assert "weights_only" not in str(refused.value)
    if protocol:
        assert "exec would have to be executed" in str(refused.value)


def test_a_checkpoint_with_a_program_is_named_and_not_run(tmp_path):
    path = tmp_path / "evil.pt"
    path.write_bytes(saved({"a": _Program()}))
    with pytest.raises(ModelError, match=r"evil\.pt: refused: .*exec would have to be executed"):
        read_tensors(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"\x80\x04", bytes(range(256)) * 9, b"PK\x03\x04"]
)
def test_damaged_files_get_no_advice_to_run_them(tmp_path, content):
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(
        ModelError, match="cannot be read as a PyTorch file; is it whole"
    ) as refused:
        read_tensors(path)
    assert "weights_only" not in str(refused.value)


def test_an_archive_cut_short(tmp_path):
    path = tmp_path / "a.pt"
    whole = saved({"a": torch.ones(1000)})
    assert zipfile.is_zipfile(io.BytesIO(whole))
    path.write_bytes(whole[:-200])
    with pytest.raises(ModelError, match="is it whole"):
        read_tensors(path)


def test_a_compressed_archive_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\0" * 10_000_000)
    for read in (read_tensors, read_checkpoint):
        with pytest.raises(ModelError, match="an archive with compressed parts"):
            read(path)
    with pytest.raises(ModelError, match="is a folder"):
        read_checkpoint(tmp_path)
