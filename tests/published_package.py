"""The published package 0.1.1, where pip has it at hand: loaded beside ours, never on the import path."""

from __future__ import annotations

import re
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

WHEEL = "proactivebench-0.1.1-py3-none-any.whl"
CACHE = Path.home() / ".cache" / "published-proactivebench"


def published_environment() -> Any:
    """Its module of environments; skips the test where pip has not put the wheel into `CACHE`."""
    wheel = CACHE / WHEEL
    if not wheel.is_file():
        pytest.skip(f"needs {wheel}: pip download --no-deps --python-version 3.12 -d {CACHE} proactivebench==0.1.1")
    source = zipfile.ZipFile(wheel).read("proactivebench/environment.py").decode()
    source = re.sub(r'(inspect\.getsource\(step_[01]\[)"transform"(\]\))', r"\1'transform'\2", source)
    source = re.sub(r'(inspect\.getsource\(step\[)"transform"(\]\))', r"\1'transform'\2", source)
    module = types.ModuleType("published_environment")
    exec(compile(source, "published_environment", "exec"), module.__dict__)
    return module
