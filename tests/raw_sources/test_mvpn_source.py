"""MVP-N: lists, views, class names."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw_sources import fakes
from raw_sources.base import SourceError, SourceNotFoundError
from raw_sources.mvpn import CLASSES, LOOK_ALIKES, Mvpn, parse_entry, read_class_names

part = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=8
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_mvpn(tmp_path_factory.mktemp("mvpn") / "MVP-N", classes=2).parent.parent


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "raw"))


def write_list(raw: Path, sets: object) -> Path:
    path = raw / "MVP-N" / "data" / "test_list" / "test_0027_100.pkl"
    path.write_bytes(pickle.dumps(sets))
    return path


def test_sets_come_from_the_lists_with_their_views_marked(made: Path) -> None:
    records = list(Mvpn.locate(made).records())
    assert [(r.split, r.label, r.index) for r in records] == [
        (split, label, index) for split in ("test", "valid") for label in ("0027", "0028") for index in (0, 1)
    ]
    assert [(view.path.name, view.informative) for view in records[0].views] == [
        ("0000_0.png", False),
        ("0001_1.png", True),
    ]


def test_verify_counts_and_names_missing_lists_and_a_cut_picture(raw: Path) -> None:
    path = raw / "MVP-N" / "data" / "test" / "0027" / "0" / "0001_1.png"
    path.write_bytes(path.read_bytes()[:200])
    inventory = Mvpn.locate(raw).verify()
    assert inventory.counts == {"classes": 2, "sets": 8, "pictures": 16}
    test_lists, valid_lists, picture = map(str, inventory.problems)
    assert "42 of 44 lists are missing: those of 0000, 0001" in test_lists
    assert "valid_list" in valid_lists
    assert picture.startswith(f"{path}: the picture is cut")


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("0027/0/0009_1.png", "is missing"),
        ("0028/0/0000_0.png", "not of class 0027"),
        ("../../secret/0027/0/0000_0.png", "not of the form"),
        ("0027/../0000_0.png", "not of the form"),
        ("/0027/0/0000_0.png", "not of the form"),
        ("0027/0/0000.png", "not of the form"),
        ("0027/0/0000_2.png", "not of the form"),
        ("0027/\x1b]0;/0000_0.png", "not of the form"),
    ],
)
def test_a_set_with_a_bad_entry_is_left_out_and_named(raw: Path, entry: str, what: str) -> None:
    path = write_list(raw, [["0027/0/0000_0.png"], ["0027/0/0000_0.png", entry], []])
    source = Mvpn.locate(raw)
    assert [record.index for record in source.records() if (record.split, record.label) == ("test", "0027")] == [0]
    problems = [str(problem) for problem in source.verify().problems if str(path) in problem.where]
    assert len(problems) == 2
    assert f"{path}, set 1: " in problems[0]
    assert what in problems[0]
    assert problems[1] == f"{path}, set 2: the set is empty"


def test_an_endless_set_and_a_second_list_of_a_class_are_named(raw: Path) -> None:
    path = write_list(raw, [["0027/0/0000_0.png"] * 101, ["0027/0/0000_0.png"]])
    other = path.with_name("TEST_0027_100.pkl")
    shutil.copy(path, other)
    source = Mvpn.locate(raw)
    assert [r.index for r in source.records() if (r.split, r.label) == ("test", "0027")] == [1]
    problems = [str(problem) for problem in source.verify().problems]
    assert f"{path}: not used: {other} lists the same class" in problems
    assert f"{other}, set 0: the set has 101 views, expected at most 100" in problems


def test_a_list_of_a_class_that_there_is_not_is_named(raw: Path) -> None:
    strange = write_list(raw, []).with_name("test_0044_100.pkl")
    strange.write_bytes(pickle.dumps([["0044/0/0000_0.png"]]))
    problems = Mvpn.locate(raw).verify().problems
    assert [problem.what for problem in problems if problem.where == str(strange)] == [
        "not used: classes are 0000 to 0043"
    ]


def test_a_hostile_list_is_named_and_the_others_are_read(raw: Path) -> None:
    path = write_list(raw, {"a": 1})
    source = Mvpn.locate(raw)
    assert {(record.split, record.label) for record in source.records()} == {
        ("test", "0028"),
        ("valid", "0027"),
        ("valid", "0028"),
    }
    assert any(problem.where == str(path) for problem in source.verify().problems)


def test_vsod_is_not_taken_for_mvpn(tmp_path: Path) -> None:
    fakes.make_vsod(tmp_path, videos=1, frames=2)
    with pytest.raises(SourceNotFoundError, match=r"test_list/test_0000_100\.pkl"):
        Mvpn.locate(tmp_path)


@given(st.sampled_from(CLASSES), part.filter(lambda name: name not in (".", "..")), part, st.booleans())
def test_well_formed_entries_are_read(label: str, folder: str, stem: str, informative: bool) -> None:
    assert parse_entry(f"{label}/{folder}/{stem}_{int(informative)}.png") == (label, informative)


@given(st.text(max_size=30))
def test_no_entry_leads_out_of_its_folder(entry: str) -> None:
    try:
        parse_entry(entry)
    except ValueError as error:
        assert repr(entry) in str(error)
    else:
        assert not Path(entry).is_absolute()
        assert ".." not in Path(entry).parts


def test_the_groups_cover_all_classes_once() -> None:
    assert [label for group in LOOK_ALIKES for label in group] == list(CLASSES)
    assert len(LOOK_ALIKES) == 19


def test_the_groups_are_those_of_the_authors(shared_data: Path) -> None:
    facts = json.loads((shared_data / "mvpn" / "classes_and_groups.json").read_text())
    assert facts["classes"] == list(CLASSES)
    assert [tuple(group) for group in facts["groups"]] == list(LOOK_ALIKES)


names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1).map(str.strip).filter(bool)


@given(st.dictionaries(st.sampled_from(CLASSES), names, min_size=1).filter(lambda d: len({*d.values()}) == len(d)))
def test_class_names_come_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, given_names: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "names.csv"
    quoted = ((label, name.replace('"', '""')) for label, name in given_names.items())
    path.write_text("".join(f'{label},"{name}"\n' for label, name in quoted), encoding="utf-8")
    assert read_class_names(path) == given_names


def test_header_blank_lines_short_numbers_and_excel_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(b'\xef\xbb\xbfclass_id,name\r\n27, Peach drink\r\n\r\n0028,"Tea, cold"\r\n')
    assert read_class_names(path) == {"0027": "Peach drink", "0028": "Tea, cold"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("0027;Peach\n", "line 1: expected a class and a name"),
        ("27,a\n99,b\n", "line 2: '99' is not a class; classes are 0000 to 0043"),
        ("27,a\n0027,b\n", "line 2: class 0027 is named twice"),
        ("27,a\n28,a\n", "line 2: 'a' is the name of another class too"),
        ("27,\n", "line 1: expected a class and a name"),
        ("x\n" * 9, "line 5: .*; and 4 more"),
        ("", "it names no class"),
        ('27,"a\n', "cannot be read"),
    ],
)
def test_bad_lines_of_class_names_are_named(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "names.csv").write_text(text)
    with pytest.raises(SourceError, match=what) as caught:
        read_class_names(tmp_path / "names.csv")
    assert "names.csv" in str(caught.value)


def test_a_missing_file_of_class_names_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.csv"):
        read_class_names(tmp_path / "nowhere.csv")
