"""What tests of builders share."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.vsod_labels import VsodLabel, read_labels
from tests.support.vsod_table import write_labels


@pytest.fixture
def labels(tmp_path: Path) -> list[VsodLabel]:
    return read_labels(write_labels(tmp_path / "labels.csv"))
