from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from raw_sources import registry
from raw_sources.base import SourceError
from raw_sources.catalog import UnknownNameError
from raw_sources.fetch import fetch
from raw_sources.imagenet_c import ImageNetC
from raw_sources.quickdraw import QuickDraw
from raw_sources.registry import get_entry, source_class, sources_table
from tests.support.http_server import LocalServer, Served, serve, served_by, zipped
from tests.support.processes import run


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serve() as running:
        yield running


def tarred(files: dict[str, bytes]) -> Served:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as container:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            container.addfile(info, io.BytesIO(content))
    return Served(buffer.getvalue())


def tree(folder: Path) -> list[str]:
    """All files but the lock that keeps a second process out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".coco.lock")
    return sorted(str(path.relative_to(folder)) for path in files)


def test_quickdraw_categories_arrive_and_are_found(
    server: LocalServer, tmp_path: Path, bundled_quickdraw: Path
) -> None:
    for name in ("cat", "ice cream"):
        body = (bundled_quickdraw / f"{name}.ndjson").read_bytes()
        server.files[f"/quickdraw_dataset/full/simplified/{name.replace(' ', '%20')}.ndjson"] = Served(body)
    entry = served_by("quickdraw", server)
    ready = fetch(entry, tmp_path, ["ice cream", "cat"]).ready
    assert ready == [tmp_path / "quickdraw" / "simplified" / f"{name}.ndjson" for name in ("cat", "ice cream")]
    assert ready[1].read_bytes() == (bundled_quickdraw / "ice cream.ndjson").read_bytes()
    assert list(QuickDraw.locate(tmp_path).files) == ["cat", "ice cream"]
    requests = len(server.requests)
    assert fetch(entry, tmp_path, ["cat"]).ready == ready[:1]
    assert len(server.requests) == requests


def test_coco_is_unpacked_and_the_archives_go(server: LocalServer, tmp_path: Path) -> None:
    server.files = {
        "/annotations/annotations_trainval2014.zip": zipped({"annotations/instances_val2014.json": b"{}"}),
        "/zips/val2014.zip": zipped({"val2014/COCO_val2014_000000000042.jpg": b"jpeg"}),
    }
    fetched = fetch(served_by("coco", server), tmp_path, ["val2014", "annotations"])
    assert (fetched.ready, fetched.steps) == ([tmp_path / "coco" / "annotations", tmp_path / "coco" / "val2014"], [])
    assert tree(tmp_path) == [
        "coco/annotations/instances_val2014.json",
        "coco/val2014/COCO_val2014_000000000042.jpg",
    ]
    requests = len(server.requests)
    fetch(served_by("coco", server), tmp_path, ["val2014", "annotations"])
    assert len(server.requests) == requests


def test_imagenet_c_archives_lie_side_by_side(server: LocalServer, tmp_path: Path) -> None:
    picture = "5/n01440764/ILSVRC2012_val_00000293.JPEG"
    base = "/record/2235448/files"
    server.files = {
        f"{base}/blur.tar": tarred({f"defocus_blur/{picture}": b"1", f"glass_blur/{picture}": b"2"}),
        f"{base}/noise.tar": tarred({f"shot_noise/{picture}": b"3"}),
    }
    fetch(served_by("imagenet-c", server), tmp_path, ["noise", "blur"])
    assert list(ImageNetC.locate(tmp_path).folders) == ["shot_noise", "defocus_blur", "glass_blur"]


def test_whoever_watches_is_told_and_nothing_is_printed(
    server: LocalServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    class Watcher:
        def moved(self, what: str, done: int, total: int | None) -> None:
            told.append(what)

        def waits(self, why: str, seconds: float) -> None:
            told.append(why)

    served = zipped({"val2014/COCO_val2014_000000000042.jpg": b"jpeg"})
    served.answers = [(503, {"Retry-After": "0"})]
    server.files = {"/zips/val2014.zip": served}
    fetch(served_by("coco", server), tmp_path, ["val2014"], Watcher())
    assert list(dict.fromkeys(told)) == [
        "val2014 (1 of 1): download",
        f"{server.url}/zips/val2014.zip: the server answers 503 Service Unavailable.",
        "val2014 (1 of 1): unpack",
    ]
    assert capfd.readouterr() == ("", "")


def test_the_command_says_at_once_that_it_tries_again(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(b"x\n")
    served.answers = [(503, {"Retry-After": "0"})]
    server.files["/quickdraw_dataset/full/simplified/cat.ndjson"] = served
    entries = {"quickdraw": served_by("quickdraw", server)}
    monkeypatch.setattr(registry, "load_catalog", lambda: entries)
    result = CliRunner().invoke(main, ["fetch", "quickdraw", "cat", "--raw", str(tmp_path)])
    assert "503 Service Unavailable. Trying again in 0 s." in result.stderr
    assert "cat.ndjson is there." in result.stdout


def test_without_parts_everything_is_fetched(server: LocalServer, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"blur\.tar: the server answers 404"):
        fetch(served_by("imagenet-c", server), tmp_path)


def test_a_hostile_archive_leaves_nothing_outside(server: LocalServer, tmp_path: Path) -> None:
    server.files["/zips/val2014.zip"] = zipped({"../../evil": b"1"})
    with pytest.raises(SourceError, match="outside its folder"):
        fetch(served_by("coco", server), tmp_path / "raw", ["val2014"])
    assert tree(tmp_path) == ["raw/coco/val2014.zip"]


def test_an_unknown_part_is_refused_before_anything_is_done(server: LocalServer, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"'val'.*val2014"):
        fetch(served_by("coco", server), tmp_path / "raw", ["val"])
    assert not (tmp_path / "raw").exists()
    with pytest.raises(UnknownNameError, match="rod cannot be downloaded"):
        fetch(get_entry("rod"), tmp_path, ["banana"])


@pytest.mark.parametrize("name", ["rod", "vsod", "mvpn", "imagenet"])
def test_what_cannot_be_downloaded_gives_steps(tmp_path: Path, name: str) -> None:
    fetched = fetch(get_entry(name), tmp_path)
    assert fetched.ready == []
    assert str(tmp_path) in " ".join(fetched.steps)


def test_changeit_without_annotations_says_how_to_get_them(tmp_path: Path) -> None:
    steps = fetch(get_entry("changeit"), tmp_path).steps
    assert steps[0] == f"git clone https://github.com/soCzech/ChangeIt {tmp_path}/changeit"


def changeit(folder: Path, videos: dict[str, list[str]]) -> Path:
    root = folder / "ChangeIt"
    for category, names in videos.items():
        (root / "annotations" / category).mkdir(parents=True)
        for name in names:
            (root / "annotations" / category / f"{name}.fps1.csv").write_text("0,0\n")
    (root / "categories.csv").write_text('DIR_NAME,ACTION_NAME,CENTERING_PARAM\napple,"Apple Peeling",0.3\n')
    return root


def test_changeit_gives_addresses_and_the_command(tmp_path: Path) -> None:
    root = changeit(tmp_path / "my 100% raw", {"apple": ["-abcdefghi_", "2gQYivaDXW0"], "tea": ["_bcdefghijk"]})
    fetched = fetch(get_entry("changeit"), tmp_path / "my 100% raw")
    assert fetched.ready == [root / "urls" / "apple.txt", root / "urls" / "tea.txt"]
    assert fetched.ready[0].read_text() == (
        "https://www.youtube.com/watch?v=-abcdefghi_\nhttps://www.youtube.com/watch?v=2gQYivaDXW0\n"
    )
    assert tree(root / "urls") == ["apple.txt", "tea.txt"]
    assert "'bestvideo[height<=480]'" in fetched.steps[0]


def test_the_command_for_yt_dlp_is_understood_by_a_shell(tmp_path: Path) -> None:
    """A stand-in for yt-dlp writes down what it was called with."""
    root = changeit(tmp_path / "my 100% raw", {"apple": ["2gQYivaDXW0"], "tea": ["_bcdefghijk"]})
    command = fetch(get_entry("changeit"), tmp_path / "my 100% raw").steps[0]
    stand_in = tmp_path / "bin" / "yt-dlp"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stand_in.chmod(0o755)
    path = f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}"
    said = run(["/bin/sh", "-c", command], variables={"PATH": path})
    downloads = str(root / "downloads").replace("%", "%%")
    assert said.stdout.splitlines() == [
        word
        for name in ("apple", "tea")
        for word in (
            *("-f", "bestvideo[height<=480]"),
            *("-o", f"{downloads}/{name}/%(id)s.%(ext)s"),
            *("-a", str(root / "urls" / f"{name}.txt")),
        )
    ]


def test_changeit_refuses_what_is_no_id(tmp_path: Path) -> None:
    changeit(tmp_path, {"apple": ["x; rm -rf"]})
    with pytest.raises(SourceError, match="'x; rm -rf' is not a YouTube id"):
        fetch(get_entry("changeit"), tmp_path)


def test_changeit_names_every_annotated_video(tmp_path: Path, shared_data: Path) -> None:
    shutil.copytree(shared_data / "changeit" / "ChangeIt" / "annotations", tmp_path / "c" / "annotations")
    shutil.copy(shared_data / "changeit" / "ChangeIt" / "categories.csv", tmp_path / "c")
    lists = fetch(get_entry("changeit"), tmp_path).ready
    assert len(lists) == 44
    assert sum(len(path.read_text().splitlines()) for path in lists) == 667


def test_the_table_has_every_source() -> None:
    rows = {row.entry.name: row for row in sources_table()}
    assert list(rows) == list(registry.CLASSES)
    assert rows["coco"].how == "downloads it"
    assert rows["rod"].how == "shows 4 steps"
    assert {(row.found, row.error) for row in rows.values()} == {(None, None)}


def test_every_class_reads_the_source_it_is_listed_for() -> None:
    assert {name: source_class(name).name for name in registry.CLASSES} == {name: name for name in registry.CLASSES}


def test_the_table_says_what_a_folder_holds(tmp_path: Path, bundled_quickdraw: Path) -> None:
    shutil.copytree(bundled_quickdraw, tmp_path / "quickdraw")
    rows = {row.entry.name: row for row in sources_table(tmp_path)}
    found = rows.pop("quickdraw").found
    assert found is not None
    assert found.counts["categories"] == 20
    assert "325 of 345 categories are missing" in str(found.problems[0])
    for row in rows.values():
        assert row.found is None
        assert (row.error or "").startswith("No ")
