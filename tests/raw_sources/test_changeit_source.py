"""ChangeIt: annotations, categories, and the videos that are there."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw_sources import fakes
from raw_sources.base import SourceError, SourceNotFoundError
from raw_sources.changeit import MAX_SECONDS, ChangeIt, Label, read_categories, read_labels
from raw_sources.fakes.videos import CHANGEIT_LABELS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_changeit(tmp_path_factory.mktemp("changeit"), videos=2).parent


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "raw"))


def test_annotated_videos_that_are_there(made: Path) -> None:
    apple, butter = ChangeIt.locate(made).records()
    assert (apple.category.name, apple.category.object_name, apple.category.action_name) == (
        "apple",
        "Apple",
        "Peeling",
    )
    assert (apple.video_id, apple.video.name) == ("-tHiStLe_01", "-tHiStLe_01.mp4")
    assert apple.labels == CHANGEIT_LABELS
    assert butter.video.suffix == ".webm"


def test_verify_names_the_videos_that_are_not(made: Path) -> None:
    inventory = ChangeIt.locate(made).verify()
    assert inventory.counts == {"annotations": 5, "videos": 2}
    assert [problem.where for problem in inventory.problems] == [
        "apple/nOtThErE-05",
        "beer/bEeR-poUr04",
        "candle/cAnDlE-0003",
    ]
    assert "https://www.youtube.com/watch?v=nOtThErE-05" in inventory.problems[0].what


def test_videos_that_are_all_missing_are_counted(raw: Path) -> None:
    shutil.rmtree(raw / "ChangeIt" / "downloads")
    [problem] = ChangeIt.locate(raw).verify().problems
    assert "none of 5 annotated videos is there" in problem.what


@pytest.mark.parametrize("place", ["{root}/apple/-tHiStLe_01.MP4", "{root}/videos/apple/-tHiStLe_01.avi"])
def test_videos_are_found_elsewhere_and_in_any_format(raw: Path, place: str) -> None:
    target = Path(place.format(root=raw / "ChangeIt"))
    target.parent.mkdir(exist_ok=True)
    shutil.move(raw / "ChangeIt" / "downloads" / "apple" / "-tHiStLe_01.mp4", target)
    assert next(ChangeIt.locate(raw).records()).video == target


def test_what_downloaders_leave_beside_videos_is_no_video(raw: Path) -> None:
    folder = raw / "ChangeIt" / "downloads" / "apple"
    for ending in ("jpg", "info.json", "mp4.part", "en.vtt", "m4a"):
        (folder / f"nOtThErE-05.{ending}").touch()
    assert [record.video_id for record in ChangeIt.locate(raw).records()] == ["-tHiStLe_01", "_mAdEuP0002"]


def test_one_video_under_two_categories_is_two_records(raw: Path) -> None:
    root = raw / "ChangeIt"
    (root / "annotations" / "beer" / "-tHiStLe_01.fps1.csv").write_text("0,0\n1,3\n")
    (root / "downloads" / "beer").mkdir()
    shutil.copy(root / "downloads" / "apple" / "-tHiStLe_01.mp4", root / "downloads" / "beer")
    found = [(r.category.name, len(r.labels)) for r in ChangeIt.locate(raw).records() if r.video_id == "-tHiStLe_01"]
    assert found == [("apple", 26), ("beer", 2)]


def test_a_video_that_is_there_twice_is_used_once_and_named(raw: Path) -> None:
    folder = raw / "ChangeIt" / "downloads" / "apple"
    shutil.copy(folder / "-tHiStLe_01.mp4", folder / "-tHiStLe_01.webm")
    source = ChangeIt.locate(raw)
    assert [record.video.name for record in source.records()] == ["-tHiStLe_01.mp4", "_mAdEuP0002.webm"]
    [problem] = [p for p in source.verify().problems if p.where.endswith("-tHiStLe_01.webm")]
    assert "not used" in problem.what


def test_system_litter_is_neither_annotation_nor_video(raw: Path) -> None:
    before = list(ChangeIt.locate(raw).records())
    for folder in (raw / "ChangeIt" / "annotations" / "apple", raw / "ChangeIt" / "downloads" / "apple"):
        for name in (".DS_Store", "._-tHiStLe_01.fps1.csv", "._-tHiStLe_01.mp4"):
            (folder / name).write_bytes(b"\x00\x05\x16\x07")
    assert list(ChangeIt.locate(raw).records()) == before


def test_categories_with_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    text = 'DIR_NAME,ACTION_NAME,CENTERING_PARAM\r\napple,"Apple Peeling/Cutting",0.309\r\n'
    (tmp_path / "categories.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "x.fps1.csv").write_bytes(b"\xef\xbb\xbf0,0\r\n1,3\r\n")
    assert list(read_categories(tmp_path / "categories.csv")) == ["apple"]
    assert read_labels(tmp_path / "x.fps1.csv") == (Label.BACKGROUND, Label.END_STATE)


def test_endless_labels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("".join(f"{second},1\n" for second in range(MAX_SECONDS + 1)))
    with pytest.raises(SourceError, match=rf"x\.csv:{MAX_SECONDS + 1}: more than 5,000 seconds"):
        read_labels(tmp_path / "x.csv")


def test_bad_annotations_and_broken_and_short_videos_are_named(raw: Path) -> None:
    root = raw / "ChangeIt"
    bad = root / "annotations" / "candle" / "cAnDlE-0003.fps1.csv"
    bad.write_text("0,0\n1,7\n")
    broken = root / "downloads" / "apple" / "-tHiStLe_01.mp4"
    broken.write_bytes(broken.read_bytes()[:50])
    (root / "annotations" / "butter" / "_mAdEuP0002.fps1.csv").write_text("".join(f"{s},1\n" for s in range(60)))
    (root / "annotations" / "nothing").mkdir()
    shutil.copy(root / "annotations" / "apple" / "nOtThErE-05.fps1.csv", root / "annotations" / "nothing")
    problems = {problem.where.rpartition("/")[2]: problem.what for problem in ChangeIt.locate(raw).verify().problems}
    assert f"{bad}:2: expected 1 and a label from 0 to 3, found '1,7'" in problems[bad.name]
    assert "contains no pictures" in problems[broken.name]
    assert "lasts 26 s, but 60 s are annotated" in problems["_mAdEuP0002.webm"]
    assert "categories.csv has no category nothing" in problems["nOtThErE-05.fps1.csv"]


def test_a_folder_without_annotations_is_not_changeit(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").touch()
    (tmp_path / "annotations").mkdir()
    with pytest.raises(SourceNotFoundError, match=r"categories\.csv beside annotations"):
        ChangeIt.locate(tmp_path)


@given(st.lists(st.sampled_from(Label), min_size=1), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_labels_come_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, labels: list[Label], end: str, closed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "x.fps1.csv"
    text = end.join(f"{second},{label.value}" for second, label in enumerate(labels))
    path.write_text(text + end * closed, newline="")
    assert read_labels(path) == tuple(labels)


@given(st.binary(max_size=60))
def test_any_other_file_is_labels_or_a_refusal_by_name(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "x.fps1.csv"
    path.write_bytes(data)
    try:
        labels = read_labels(path)
    except SourceError as error:
        assert str(path) in str(error)
    else:
        assert all(isinstance(label, Label) for label in labels)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("0,0\n2,1\n", ":2: expected 1 and a label"),
        ("0,0\n\n1\n", ":3: expected 1 and a label"),
        ("0,0,0\n", ":1: expected 0 and a label"),
        ("second,label\n0,1\n", ":1: .*found 'second,label'"),
        ("", "no labels found"),
        ('0,"1\n', "not readable as CSV"),
    ],
)
def test_bad_label_files_are_named_with_their_line(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(SourceError, match=rf"x\.csv.*{what}"):
        read_labels(tmp_path / "x.csv")


@pytest.mark.parametrize("line", ["apple,Apple,0.3", "apple,Apple Cutting", ",Apple Cutting,0.3"])
def test_bad_categories_are_named_with_their_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "categories.csv").write_text(f"DIR_NAME,ACTION_NAME,CENTERING_PARAM\n{line}\n")
    with pytest.raises(SourceError, match=r"categories\.csv:2: expected a line like"):
        read_categories(tmp_path / "categories.csv")


def test_all_real_annotations(shared_data: Path) -> None:
    source = ChangeIt.locate(shared_data)
    annotated = source.annotated()
    assert len(annotated) == 667
    assert len({video_id for _, video_id in annotated}) == 666
    assert sum(video_id.startswith("-") for _, video_id in annotated) == 16
    counts: Counter[Label] = Counter()
    for category, video_id in annotated:
        counts.update(read_labels(source.folder / "annotations" / category / f"{video_id}.fps1.csv"))
    assert counts == {
        Label.BACKGROUND: 71_644,
        Label.INITIAL_STATE: 7_829,
        Label.ACTION: 73_517,
        Label.END_STATE: 20_338,
    }
    categories = read_categories(source.folder / "categories.csv").values()
    assert (len({c.object_name for c in categories}), len({c.action_name for c in categories})) == (42, 27)
    inventory = source.verify()
    assert inventory.counts == {"annotations": 667, "videos": 0}
    assert [problem.where for problem in inventory.problems] == [str(source.folder)]
