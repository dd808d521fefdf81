"""ROD: file names, and what is found on disk."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw_sources import fakes
from raw_sources.base import SourceNotFoundError
from raw_sources.rod import CLASSES, OCCLUDERS, Rod, parse_frame_name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_rod(tmp_path_factory.mktemp("rod")).parent


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "raw"))


def frame(raw: Path, name: str) -> Path:
    return next(path for path in raw.rglob(f"{name}.*") if not path.name.startswith("."))


def test_sequences_are_read_from_two_archives_and_the_missing_frame_is_named(made: Path) -> None:
    first, second = Rod.locate(made).records()
    assert (first.key, first.label, first.occluder) == ("natural_bluebl_greenr-banana", "banana", "blue blocks")
    assert first.missing == (6,)
    assert first.frames[7] is not None
    assert first.frames[7].name == "natural_bluebl_greenr-banana-s7.jpg"
    assert (second.label, second.occluder, second.missing) == ("cowboy hat", "red cardboard", ())


def test_verify_counts_and_names_the_missing_frame(made: Path) -> None:
    inventory = Rod.locate(made).verify()
    assert inventory.counts == {"sequences": 2, "pictures": 27}
    assert [str(problem) for problem in inventory.problems] == [
        "natural_bluebl_greenr-banana-s6: the picture is missing"
    ]


def test_a_cut_photo_is_named(raw: Path) -> None:
    path = frame(raw, "natural_bluebl_greenr-banana-s3")
    path.write_bytes(path.read_bytes()[:5000])
    assert any(p.where == str(path) and "cut" in p.what for p in Rod.locate(raw).verify().problems)


def test_a_second_copy_of_a_frame_and_an_impossible_number_are_problems(raw: Path) -> None:
    path = frame(raw, "natural_bluebl_greenr-banana-s3")
    shutil.copy(path, path.with_name("natural_bluebl_greenr-banana-s14.jpg"))
    (raw / "again").mkdir()
    shutil.copy(path, raw / "again" / path.name)
    source = Rod.locate(raw)
    problems = [str(problem) for problem in source.verify().problems]
    assert any("s14.jpg: frames are numbered from s0 to s13" in problem for problem in problems)
    assert any("rod_0" in problem and "is the same frame" in problem for problem in problems)
    assert len(list(source.records())) == 2


def test_an_unknown_occluder_is_a_problem_until_its_spelling_is_given(raw: Path) -> None:
    for path in list(raw.rglob("natural_redca*")):
        path.rename(path.with_name(path.name.replace("redca", "redsquare")))
    source = Rod.locate(raw)
    assert [record.label for record in source.records()] == ["banana"]
    assert any("natural_redsquare_whiter" in problem.where for problem in source.verify().problems)
    told = Rod(source.folder, (*OCCLUDERS, ("redsquare", "red cardboard")))
    assert [record.occluder for record in told.records()] == ["blue blocks", "red cardboard"]


def test_a_photo_of_an_unknown_class_is_named_and_another_data_set_is_not(raw: Path) -> None:
    odd = [
        path.rename(path.with_name(path.name.replace("banana", "bannana"))) for path in raw.rglob("natural_*-s5.jpg")
    ]
    fakes.make_coco(raw / "Realistic-Occlusion-Dataset")
    problems = [problem for problem in Rod.locate(raw).verify().problems if "missing" not in problem.what]
    assert [problem.where for problem in problems] == list(map(str, odd))
    assert "its name is not of the form" in problems[0].what


def test_other_photos_are_not_taken_for_rod(tmp_path: Path) -> None:
    fakes.make_coco(tmp_path)
    fakes.make_imagenet(tmp_path)
    with pytest.raises(SourceNotFoundError, match=r"natural_bluebl_greenr-banana-s6.*rod_0\.tar\.gz"):
        Rod.locate(tmp_path)


@given(
    st.sampled_from(CLASSES),
    st.sampled_from([" ", "_", "-", ""]),
    st.from_regex(r"[a-z]{1,8}_[a-z]{1,8}_[a-z]{1,8}", fullmatch=True),
    st.integers(0, 13),
    st.booleans(),
)
def test_every_spelling_of_a_name_is_read(label: str, between: str, scene: str, index: int, upper: bool) -> None:
    sequence = f"{scene}-{label.replace(' ', between)}"
    if upper:
        sequence = sequence.upper()
    name = parse_frame_name(f"{sequence}-s{index}")
    assert name is not None
    assert (name.sequence, name.scene.lower(), name.label, name.number) == (sequence, scene, label, index)


@given(st.text(max_size=40))
def test_any_other_text_is_refused_or_names_a_class(stem: str) -> None:
    name = parse_frame_name(stem)
    assert name is None or name.label in CLASSES


@pytest.mark.parametrize(
    "stem", ["natural_bluebl_greenr-zebra-s6", "banana-s6", "n_b_g-banana-6", "n_b_g-banana-s", "IMG_1"]
)
def test_names_that_are_not_rod(stem: str) -> None:
    assert parse_frame_name(stem) is None


def test_names_in_other_letter_case_are_read_and_litter_is_not(raw: Path) -> None:
    before = [record.missing for record in Rod.locate(raw).records()]
    for path in list(raw.rglob("*cowboy*")):
        path.rename(path.with_name(path.name.replace("-s", "-S").replace("JPG", "jPeG")))
    for name in (".DS_Store", "._lamp_redbl_whiter-cup-s0.jpg"):
        (raw / name).touch()
    assert [record.missing for record in Rod.locate(raw).records()] == before
