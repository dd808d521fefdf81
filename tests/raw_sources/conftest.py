"""A server to download from; a file of tests may define another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archives import MakeArchive, make_tar, make_tgz, make_zip
from tests.support.downloading import Downloading
from tests.support.http_server import LocalServer, serve


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serve() as running:
        yield running


@pytest.fixture
def get(server: LocalServer, tmp_path: Path) -> Downloading:
    return Downloading(server, tmp_path)


@pytest.fixture(params=[make_tar, make_tgz, make_zip], ids=["tar", "tar.gz", "zip"])
def make(request: pytest.FixtureRequest) -> MakeArchive:
    chosen: MakeArchive = request.param
    return chosen
