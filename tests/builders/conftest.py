"""What tests of builders share."""

from __future__ import annotations

import pytest

from builders.vsod_labels import VsodLabel, read_labels
from tests.support.fake_builder import wait_for_workers
from tests.support.vsod_table import write_labels


@pytest.fixture(autouse=True)
def _busy_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_workers(monkeypatch)


@pytest.fixture
def labels(tmp_path_factory: pytest.TempPathFactory) -> list[VsodLabel]:
    return read_labels(write_labels(tmp_path_factory.mktemp("labels") / "labels.csv"))
