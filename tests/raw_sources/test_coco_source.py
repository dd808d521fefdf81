"""COCO: which file is read, which pictures count, where they are."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from raw_sources import fakes
from raw_sources.base import SourceError, SourceNotFoundError
from raw_sources.coco import Coco


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_coco(tmp_path_factory.mktemp("coco")).parent


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "raw"))


def instances(raw: Path) -> Path:
    return next(raw.rglob("instances_val2014.json"))


def change(raw: Path, **tables: Any) -> None:
    path = instances(raw)
    path.write_text(json.dumps(json.loads(path.read_text()) | tables))


def test_pictures_with_exactly_one_box_that_is_no_crowd(made: Path) -> None:
    records = list(Coco.locate(made).records())
    assert len(records) == 6
    assert [record.image_id for record in records] == sorted(record.image_id for record in records)
    assert {record.category for record in records} == {"banana", "orange", "cup", "sports ball", "vase"}
    assert {record.license for record in records} == {4}
    for record in records:
        assert Image.open(record.picture).size == (record.width, record.height)
        assert record.box.left + record.box.width <= record.width


def test_the_box_is_where_the_thing_is(made: Path) -> None:
    orange = next(record for record in Coco.locate(made).records() if record.category == "orange")
    left, top, width, height = orange.box
    pixel = Image.open(orange.picture).getpixel((round(left + width / 2), round(top + height * 0.7)))
    assert pixel == pytest.approx((240, 140, 30), abs=25)


def test_pictures_of_2017_are_found_under_annotations_of_2014(raw: Path) -> None:
    renamed = raw / "elsewhere" / "val2017"
    renamed.mkdir(parents=True)
    for path in raw.rglob("COCO_val2014_*.jpg"):
        if not path.name.startswith("."):
            path.rename(renamed / path.name.removeprefix("COCO_val2014_").upper())
    assert len(list(Coco.locate(raw).records())) == 6


def test_2017_alone_is_enough(tmp_path: Path) -> None:
    fakes.make_coco(tmp_path, year=2017, split="train")
    assert len(list(Coco.locate(tmp_path, "train").records())) == 6
    with pytest.raises(SourceNotFoundError, match=r"instances_val2014\.json.*val2014\.zip"):
        Coco.locate(tmp_path)


def test_the_official_file_is_read_and_other_copies_are_named(raw: Path) -> None:
    copy = instances(raw).with_name("instances_val2014_copy.json")
    shutil.copy(instances(raw), copy)
    for name in ("captions_val2014.json", "person_keypoints_val2014.json", "instances_val2017.json"):
        copy.with_name(name).write_text("{}")
    source = Coco.locate(raw)
    assert source.annotations == instances(raw)
    (problem,) = source.verify().problems
    assert str(problem) == f"{copy}: not used: {source.annotations} is"


def test_a_missing_a_cut_and_a_resized_picture_are_named(raw: Path) -> None:
    source = Coco.locate(raw)
    missing, cut, resized, *_ = [record.picture for record in source.records()]
    missing.unlink()
    cut.write_bytes(cut.read_bytes()[:900])
    Image.new("RGB", (9, 9)).save(resized)
    problems = {problem.where.rpartition("/")[2]: problem.what for problem in source.verify().problems}
    assert "is missing" in problems.pop(f"instances_val2014.json, image {int(missing.stem[-12:])}")
    assert "cut" in problems.pop(cut.name)
    assert "(9, 9) pixels" in problems.pop(resized.name)
    assert not problems
    assert len(list(source.records())) == 5


def test_a_box_is_clipped_to_the_picture_and_an_empty_one_is_named(raw: Path) -> None:
    tables = json.loads(instances(raw).read_text())
    first, second = tables["annotations"][:2]
    first["bbox"] = [-3.5, 10.0, 9000.0, 20.0]
    second["bbox"] = [5.0, 5.0, 0.0, 9.0]
    change(raw, annotations=tables["annotations"])
    source = Coco.locate(raw)
    clipped = next(record for record in source.records() if record.image_id == first["image_id"])
    assert clipped.box == (0.0, 10.0, clipped.width, 20.0)
    (problem,) = source.verify().problems
    assert str(problem).endswith(
        f"image {second['image_id']}: its box [5.0, 5.0, 0.0, 9.0] is empty or outside the picture"
    )


@pytest.mark.parametrize(
    ("tables", "what"),
    [
        ({"annotations": [{"image_id": 1, "bbox": [1, 2, 3], "category_id": 1, "iscrowd": 0}]}, "bbox"),
        ({"images": "none"}, r"\$\.images"),
        ({"categories": [{"id": 1}]}, "name"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_place(raw: Path, tables: dict[str, Any], what: str) -> None:
    change(raw, **tables)
    with pytest.raises(SourceError, match=rf"instances_val2014\.json: .*{what}"):
        next(Coco.locate(raw).records())


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("width", 10**12, "1000000000000 x 480 pixels, expected 1 to 65,535"),
        ("height", -1, "640 x -1 pixels"),
    ],
)
def test_a_picture_of_impossible_size_is_named(raw: Path, field: str, value: int, what: str) -> None:
    images = json.loads(instances(raw).read_text())["images"]
    images[0] |= {field: value}
    change(raw, images=images)
    source = Coco.locate(raw)
    assert len(list(source.records())) == 5
    assert [what in problem.what for problem in source.verify().problems] == [True]


def test_a_picture_that_is_listed_twice_is_named_and_left_out(raw: Path) -> None:
    images = json.loads(instances(raw).read_text())["images"]
    change(raw, images=[images[0], *images])
    source = Coco.locate(raw)
    assert images[0]["id"] not in [record.image_id for record in source.records()]
    assert {problem.what for problem in source.verify().problems} == {"it is listed 2 times"}


def test_a_category_that_coco_does_not_have_is_named(raw: Path) -> None:
    change(raw, categories=[{"id": number, "name": "spaceship"} for number in (37, 47, 52, 55, 86)])
    source = Coco.locate(raw)
    assert list(source.records()) == []
    assert "its category 'spaceship' is not one of COCO's 80" in source.verify().problems[0].what


def test_byte_order_mark_and_windows_line_ends_do_not_matter(raw: Path, made: Path) -> None:
    path = instances(raw)
    text = json.dumps(json.loads(path.read_text()), indent=1).replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [r.image_id for r in Coco.locate(raw).records()] == [r.image_id for r in Coco.locate(made).records()]


def test_a_cut_file_is_refused(raw: Path) -> None:
    instances(raw).write_bytes(instances(raw).read_bytes()[:-40])
    with pytest.raises(SourceError, match="not a readable COCO instances file"):
        Coco.locate(raw).verify()


def test_real_pictures(shared_data: Path) -> None:
    source = Coco.locate(shared_data)
    inventory = source.verify()
    assert source.annotations.name == "DERIVED_instances_val2014_subset.json"
    assert inventory.counts == {"pictures with one box": 15}
    assert all("not used" in problem.what for problem in inventory.problems)
    assert next(source.records()).category == "dog"
    train = Coco.locate(shared_data, "train").verify()
    assert (train.counts, train.problems) == ({"pictures with one box": 10}, [])
