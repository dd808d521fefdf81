"""The published package 0.1.1, loaded beside ours as a measure: pip has it in a cache folder."""

from __future__ import annotations

import re
import subprocess
import sys
import types
import zipfile
from functools import cache
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache" / "published-proactivebench"
NAME = "proactivebench-0.1.1-*.whl"
STAND_INS = ("jsonlines", "qwen_vl_utils")
"""What its module `data_utils` imports and the functions that are compared do not call."""


def _wheel() -> Path:
    if not any(CACHE.glob(NAME)):
        CACHE.mkdir(parents=True, exist_ok=True)
        options = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12", "--quiet", "--retries", "0"]
        command = [sys.executable, "-m", "pip", "download", *options, "-d", str(CACHE), "proactivebench==0.1.1"]
        subprocess.run(command, capture_output=True, check=False, timeout=60)
    found = next(CACHE.glob(NAME), None)
    if found is None:
        pytest.skip("pip cannot download proactivebench 0.1.1, the measure of this test, here")
    return found


def published_text(name: str) -> str:
    """The text of a module of the published package; the test is skipped where pip cannot have it."""
    return zipfile.ZipFile(_wheel()).read(f"proactivebench/{name}.py").decode()


@cache
def published(name: str) -> types.ModuleType:
    """A module of the published package; the test is skipped where pip cannot have it."""
    text = published_text(name)
    # Written for Python 3.12: quotes inside the braces of an f-string.
    text = re.sub(r'(getsource\(step[_01]*\[)"transform"(\]\))', r"\1'transform'\2", text)
    module = types.ModuleType(f"published_{name}")
    with pytest.MonkeyPatch.context() as patch:
        for absent in STAND_INS:
            stand_in = types.ModuleType(absent)
            stand_in.process_vision_info = None  # type: ignore[attr-defined]
            patch.setitem(sys.modules, absent, stand_in)
        exec(compile(text, module.__name__, "exec"), module.__dict__)
    return module
