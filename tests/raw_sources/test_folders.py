"""Looking for data sets in a folder, and a picture's head."""

import os
from pathlib import Path

import pytest
from PIL import Image

from raw_sources.base import Problem, SourceError, SourceNotFoundError
from raw_sources.folders import DEPTH, listing, picture_size, pictures, walk


def test_a_walk_lists_visible_names_in_order_shallow_folders_first(tmp_path: Path) -> None:
    for name in ("b/inner", "a", "__MACOSX", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("z.txt", ".DS_Store", "a/._x.jpg", "a/x.jpg"):
        (tmp_path / name).touch()
    listings = list(walk(tmp_path))
    assert [found.path.relative_to(tmp_path).as_posix() for found in listings] == [".", "a", "b", "b/inner"]
    assert [found.files for found in listings] == [("z.txt",), ("x.jpg",), (), ()]


def test_a_walk_goes_a_few_folders_deep(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*map(str, range(DEPTH + 1)))
    deep.mkdir(parents=True)
    assert [found.path for found in walk(tmp_path)][-1] == deep.parent


def test_pipes_and_names_that_are_no_text_do_not_count(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cat.ndjson")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "cat.ndjson")
    (tmp_path / "nowhere.mp4").symlink_to(tmp_path / "missing")
    (tmp_path / "x.mp4").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")).touch()
    assert listing(tmp_path).files == ("nowhere.mp4", "x.mp4")


def test_a_problem_is_printable_whatever_the_file_said() -> None:
    assert str(Problem("a", "b\x1b]0;\udcff\n\u00e4")) == "a: b\\x1b]0;\\udcff\\n\u00e4"


def test_a_walk_follows_links_once_and_survives_circles(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "link").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(raw)
    assert [found.path.relative_to(raw).as_posix() for found in walk(raw)] == [".", "link", "link/deep"]


def test_class_folders_of_imagenet_are_named_but_not_entered(tmp_path: Path) -> None:
    (tmp_path / "n01440764" / "inner").mkdir(parents=True)
    (only,) = walk(tmp_path)
    assert only.folders == ("n01440764",)


def test_a_raw_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="nowhere is not a folder"):
        list(walk(tmp_path / "nowhere"))


def test_pictures_are_found_whatever_the_letter_case(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "c.jpeg", "d.txt", "._a.png"):
        (tmp_path / name).touch()
    assert [path.name for path in pictures(tmp_path)] == ["a.png", "b.JPG", "c.jpeg"]
    assert pictures(tmp_path / "nowhere") == ()


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_whole_picture_has_a_size_and_a_cut_one_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    Image.radial_gradient("L").resize((90, 40)).save(path)
    assert picture_size(path) == (90, 40)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(SourceError, match="cut"):
        picture_size(path)


def test_missing_empty_and_huge_pictures_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        picture_size(tmp_path / "nowhere.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(SourceError, match="not a readable picture"):
        picture_size(tmp_path / "empty.jpg")
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    with pytest.raises(SourceError, match="not a readable picture"):
        picture_size(tmp_path / "huge.png")
