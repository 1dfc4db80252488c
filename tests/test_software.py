from __future__ import annotations

import json
import subprocess
import sys

import pytest

from facewise._software import versions


def test_what_is_loaded_makes_no_difference() -> None:
    pytest.importorskip("onnxruntime")
    code = "import json; from facewise._software import versions; print(json.dumps(versions()))"
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    found = subprocess.run(
        [sys.executable, "-c", f"import onnxruntime; {code}"], capture_output=True, check=True
    )
    assert json.loads(alone.stdout) == json.loads(found.stdout) == versions()
    assert list(versions())[:2] == ["facewise", "torch"]
