"""Archives of every kind, and how a bad one is refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from raw_sources.archives import Limits, unpack
from raw_sources.base import SourceError

MakeArchive = Callable[[Path, dict[str, bytes]], Path]

FILES = {"a/1.txt": b"one", "a/b/2.txt": b"two" * 5000, "empty": b""}


def make_tar(path: Path, files: dict[str, bytes], mode: Literal["w", "w:gz"] = "w") -> Path:
    with tarfile.open(path, mode) as container:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            container.addfile(info, io.BytesIO(content))
    return path


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in files.items():
            container.writestr(name, content)
    return path


def make_tgz(path: Path, files: dict[str, bytes]) -> Path:
    return make_tar(path, files, "w:gz")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refuses(archive: Path, match: str, limits: Limits | None = None) -> None:
    folder = archive.parent / "box" / "out"
    with pytest.raises(SourceError, match=match) as raised:
        unpack(archive, folder, limits)
    assert str(archive) in str(raised.value)
    assert not folder.exists()
    assert not list(folder.parent.iterdir())
    assert {path.name for path in archive.parent.iterdir()} == {archive.name, "box"}
