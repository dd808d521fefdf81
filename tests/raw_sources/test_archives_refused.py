"""Archives that would leave their folder, are without bounds, or are damaged."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw_sources.archives import Limits, unpack
from raw_sources.base import SourceError
from raw_sources.member_names import MemberNames
from tests.support.archives import FILES, MakeArchive, content, make_tar, make_tgz, make_zip, refuses


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "a/..", "/etc/evil", "C:/evil", "c:evil", "..\\evil", "a\\b", "a\nb"]
)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, make: MakeArchive, name: str) -> None:
    refuses(make(tmp_path / "x", {"good": b"1", name: b"2"}), "outside its folder")


@pytest.mark.parametrize(
    ("first", "second"),
    [("a/x", "A/X"), ("caf\u00e9", "cafe\u0301"), ("stra\u00dfe", "STRASSE"), ("a", "./a"), ("a/b", "a//b")],
)
def test_names_that_fall_together_are_refused(tmp_path: Path, make: MakeArchive, first: str, second: str) -> None:
    refuses(make(tmp_path / "x", {first: b"1", second: b"2"}), "falls on another member")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as container:
        container.writestr("a", b"1")
        container.writestr("a", b"2")
    refuses(tmp_path / "x", "falls on another member, 'a'")


@pytest.mark.parametrize(("first", "second"), [("a", "A/x"), ("a/b", "a/B/c")])
def test_a_file_is_no_folder(tmp_path: Path, make: MakeArchive, first: str, second: str) -> None:
    refuses(make(tmp_path / "x", {first: b"1", second: b"2"}), "needs a folder")
    (tmp_path / "box").rmdir()
    refuses(make(tmp_path / "x", {second: b"2", first: b"1"}), "falls on another member")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z"]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "x", "w") as container:
        container.addfile(tarfile.TarInfo("good"), io.BytesIO())
        info = tarfile.TarInfo("bad")
        info.type, info.linkname = kind, "good"
        container.addfile(info)
    refuses(tmp_path / "x", "'bad' is neither a plain file nor a folder")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as container:
        info = zipfile.ZipInfo("bad")
        info.external_attr = (kind | 0o777) << 16
        container.writestr(info, "/etc/passwd")
    refuses(tmp_path / "x", "'bad' is neither a plain file nor a folder")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "x", {"secret": b"1"})
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    refuses(archive, "'secret' is encrypted")


def test_an_unusual_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_LZMA) as container:
        container.writestr("a", b"1")
    refuses(tmp_path / "x", "'a' is neither stored nor deflated")


def test_bounds_are_kept(tmp_path: Path, make: MakeArchive) -> None:
    archive = make(tmp_path / "x", {"a": b"1" * 10, "b": b"2" * 10, "c": b""})
    unpack(archive, tmp_path / "exactly", Limits(members=3, total_bytes=20, file_bytes=10))
    assert len(content(tmp_path / "exactly")) == 3
    shutil.rmtree(tmp_path / "exactly")
    for limits, match in (
        (Limits(members=2, total_bytes=20, file_bytes=10), "'c' is one too many"),
        (Limits(members=3, total_bytes=19, file_bytes=10), "'b' unpacks to more"),
        (Limits(members=3, total_bytes=20, file_bytes=9), "'a' unpacks to more"),
    ):
        refuses(archive, match, limits)
        (tmp_path / "box").rmdir()


def test_a_bomb_stops_early(tmp_path: Path, make: MakeArchive) -> None:
    archive = make(tmp_path / "x", {"bomb": bytes(50_000_000)})
    told: list[int] = []
    with pytest.raises(SourceError, match="'bomb' unpacks to more"):
        unpack(archive, tmp_path / "out", Limits(file_bytes=2_000_000), report=told.append)
    assert max(told) <= 2_000_000


def test_a_zip_that_understates_its_size_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "x", {"bomb": bytes(1_000_000)})
    real = (1_000_000).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(real, (10).to_bytes(4, "little")))
    refuses(archive, "damaged", Limits(file_bytes=1000))


def test_a_header_of_impossible_length_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10**10
    (tmp_path / "x").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    refuses(tmp_path / "x", "impossible length")


def zip_directory(entries: int) -> bytes:
    """A zip archive that consists of its directory alone."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    size = len(entry) * entries
    big = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, size, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return entry * entries + big + locator + end


def test_a_zip_directory_is_bounded_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PK\x03\x04" + zip_directory(400_000))
    tracemalloc.start()
    try:
        refuses(tmp_path / "x", "directory of impossible length, 18,800,000 bytes")
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_a_small_zip64_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PK\x03\x04" + zip_directory(2))
    refuses(tmp_path / "x", "Bad magic number for file header")


def test_headers_without_end_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1
    (tmp_path / "x").write_bytes((info.tobuf(tarfile.GNU_FORMAT) + bytes(512)) * 3000)
    refuses(tmp_path / "x", "damaged")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_truncated_archive_is_damaged(tmp_path: Path, make: MakeArchive, keep: float) -> None:
    data = make(tmp_path / "x", {f"{i}.bin": bytes([i, i * 7 % 251]) * 3000 for i in range(40)}).read_bytes()
    (tmp_path / "x").write_bytes(data[: int(len(data) * keep)])
    refuses(tmp_path / "x", "damaged")


def test_a_tar_cut_between_members_is_damaged(tmp_path: Path) -> None:
    data = make_tar(tmp_path / "x", {"a": bytes(512), "b": bytes(512)}).read_bytes()
    (tmp_path / "x").write_bytes(data[:1024])
    refuses(tmp_path / "x", "the end is missing")


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    data = bytearray(make_tar(tmp_path / "x", {"a": bytes(512), "b": bytes(512)}).read_bytes())
    data[1024:1100] = b"?" * 76
    (tmp_path / "x").write_bytes(data)
    refuses(tmp_path / "x", "a damaged header")


def test_a_gzip_with_a_wrong_checksum_is_damaged(tmp_path: Path) -> None:
    data = bytearray(make_tgz(tmp_path / "x", FILES).read_bytes())
    data[-6] ^= 1
    (tmp_path / "x").write_bytes(data)
    refuses(tmp_path / "x", "damaged")


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", bytes(2000), b"\x1f\x8b", b"PK\x03\x04"])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    if data == bytes(2000):  # an empty tar
        unpack(tmp_path / "x", tmp_path / "out")
        assert content(tmp_path / "out") == {}
    else:
        refuses(tmp_path / "x", "damaged or no zip or tar")


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.zip cannot be unpacked"):
        unpack(tmp_path / "none.zip", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_too_long_is_named(tmp_path: Path, make: MakeArchive) -> None:
    refuses(make(tmp_path / "x", {"good": b"1", "n" * 300: b"2"}), "at member 'nnn")


def test_a_name_of_many_folders_is_refused_before_it_is_taken_apart(tmp_path: Path, make: MakeArchive) -> None:
    archive = make(tmp_path / "x", {"good": b"1", "a/" * 30_000 + "b": b"2"})
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="has a name of 60,001 characters, expected at most 1,024") as refused:
            unpack(archive, tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert len(str(refused.value)) < 600


def test_memory_does_not_grow_with_the_members() -> None:
    with MemberNames() as names:
        tracemalloc.start()
        try:
            for number in range(2_000):
                names.take(f"{number:0900}", is_folder=False)
            assert tracemalloc.get_traced_memory()[1] < 3 << 19
        finally:
            tracemalloc.stop()


def test_names_that_are_no_utf_8_are_kept_as_they_are(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x", "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as container:
        container.addfile(tarfile.TarInfo("caf\u00e9"), io.BytesIO())
    unpack(tmp_path / "x", tmp_path / "out")
    assert [os.fsencode(path.name) for path in (tmp_path / "out").iterdir()] == [b"caf\xe9"]


def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, make: MakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.open

    def full(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:
        if mode == "xb" and self.name == "2.txt":
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    refuses(make(tmp_path / "x", FILES), "a/b/2.txt.*No space left")


@given(st.sampled_from([make_tar, make_tgz, make_zip]), st.data())
def test_no_damage_escapes_the_folder_or_the_error(make: MakeArchive, data: st.DataObject) -> None:
    """Whatever bytes are changed: a clear error or a folder, never anything else."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        whole = bytearray(make(folder / "x", {"d/a": b"hello" * 200, "d/b": b"world"}).read_bytes())
        for place, value in data.draw(
            st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=6)
        ):
            whole[place] = value
        (folder / "x").write_bytes(whole)
        try:
            unpack(folder / "x", folder / "box" / "out", Limits(members=10, total_bytes=10**6, file_bytes=10**6))
            left = ["out"]
        except SourceError:
            left = []
        assert [path.name for path in (folder / "box").iterdir()] == left
        assert {path.name for path in folder.iterdir()} == {"x", "box"}
