from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proactivebench.errors import UsageError
from proactivebench.samples import SampleError, read_samples, write_samples
from proactivebench.scenarios import Sample, get_scenario
from proactivebench.scenarios.quickdraw import QuickDrawSample
from tests.support.example_samples import ENTRIES, example_sample


def write_lines(path: Path, *entries: Any) -> Path:
    path.write_text("".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in entries), encoding="utf-8")
    return path


@pytest.mark.parametrize("scenario", ENTRIES)
def test_samples_survive_a_round_trip_with_unknown_keys(scenario: str, tmp_path: Path) -> None:
    sample = example_sample(scenario, note={"by": "hand"})
    write_samples(tmp_path / "a.jsonl", [sample])
    again = list(read_samples(tmp_path / "a.jsonl", scenario))
    assert again == [sample]
    line = json.loads((tmp_path / "a.jsonl").read_text())
    assert line == ENTRIES[scenario] | {"note": {"by": "hand"}}
    write_samples(tmp_path / "b.jsonl", again)
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("scenario", "change", "said"),
    [
        ("QD", {"num_images": 0}, "num_images: Input should be greater than or equal to 1"),
        ("QD", {"num_images": "4"}, "num_images: Input should be a valid integer"),
        ("QD", {"id": True}, "id: Input should be a valid integer"),
        ("QD", {"answer": "Dog."}, "answer 'Dog.' is not one of the categories"),
        ("QD", {"image_template": "QuickDraw/../../etc/{image}.png"}, "stays inside the data folder"),
        ("QD", {"image_template": "/etc/{image}.png"}, "stays inside the data folder"),
        ("QD", {"image_template": "QuickDraw/cat.png"}, "lacks the placeholder {image}"),
        ("MVP-N", {"image_template": "MVP-N/{image}.png"}, "lacks the placeholder {informative}"),
        ("MVP-N", {"valid_images": [4, 2]}, "valid_images has 2 entries, but num_images is 3"),
        ("IN-C", {"quality_answer": "Sharpen."}, "quality_answer 'Sharpen.' is not one of the options"),
        ("COCO", {"direction": "north"}, "direction: Input should be 'left'"),
        ("COCO", {"crop": {"top": 1, "left": 2, "width": 3}}, "crop.height: Field required"),
        ("CIT", {"step_size": 0}, "step_size: Input should be greater than or equal to 1"),
        ("QD", {"num_images": 10**12}, "num_images: Input should be less than or equal to 5000"),
        ("QD", {"first_image": 10**12}, "first_image: Input should be less than or equal to 1000000"),
        ("QD", {"id": 10**400}, "id: "),
        ("QD", {"id": -1}, "id: Input should be greater than or equal to 0"),
        ("CIT", {"max_steps": 10**12}, "max_steps: Input should be less than or equal to 5000"),
        ("COCO", {"granularity": 30_000}, "granularity: Input should be less than or equal to 50"),
        ("COCO", {"horizontal_step": float("inf")}, "horizontal_step"),
        ("COCO", {"vertical_step": float("nan")}, "vertical_step"),
        ("COCO", {"crop": {"top": float("nan"), "left": 2, "width": 3, "height": 4}}, "crop.top"),
        ("COCO", {"crop": {"top": 0, "left": 2, "width": -1e300, "height": 4}}, "crop.width"),
        ("QD", {"categories": ["Banana.", *map(str, range(60_000))]}, "only 26 letters can name them"),
        ("QD", {"prompt": "x" * (1 << 20)}, "EOF while parsing"),
    ],
)
def test_a_bad_line_is_named(scenario: str, change: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", ENTRIES[scenario], ENTRIES[scenario] | {"id": 99} | change)
    with pytest.raises(SampleError) as failure:
        list(read_samples(path, scenario))
    assert f"{path}, line 2: " in str(failure.value)
    assert said in str(failure.value)


def test_all_bad_lines_can_be_collected(tmp_path: Path) -> None:
    good = ENTRIES["QD"]
    path = write_lines(tmp_path / "x.jsonl", good, "", "{torn", good | {"id": 5}, good, "[]")
    errors: list[SampleError] = []
    samples = list(read_samples(path, "quickdraw", errors.append))
    assert [sample.id for sample in samples] == [good["id"], 5]
    assert [str(error).partition(": ")[0].rpartition(" ")[2] for error in errors] == ["3", "5", "6"]
    assert "line 1 has" in str(errors[1])


def test_an_id_that_is_there_twice_is_found_in_any_order(tmp_path: Path) -> None:
    lines = [ENTRIES["QD"] | {"id": number} for number in (4, 7, 5, 9, 7, 4, 10)]
    path = write_lines(tmp_path / "x.jsonl", "[]", *lines)
    errors: list[SampleError] = []
    assert [sample.id for sample in read_samples(path, "QD", errors.append)] == [4, 7, 5, 9, 10]
    assert [str(error).partition("but ")[2] for error in errors[1:]] == ["line 3 has 7 too", "line 2 has 4 too"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write_samples(path, [example_sample("QD")])
    before = path.read_bytes()

    def broken() -> Any:
        yield example_sample("QD")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_samples(path, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_scenarios_are_named() -> None:
    with pytest.raises(UsageError, match=r"no scenario 'QQ'.*QD \(QuickDraw\)"):
        get_scenario("QQ")


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)


@given(changes=st.dictionaries(st.sampled_from([*ENTRIES["COCO"], "extra"]), JSON))
def test_no_entry_breaks_the_reader(changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write_lines(tmp_path_factory.mktemp("lines") / "x.jsonl", ENTRIES["COCO"] | changes)
    errors: list[SampleError] = []
    samples = list(read_samples(path, "COCO", errors.append))
    assert len(samples) + len(errors) == 1


def test_samples_are_values() -> None:
    sample: Sample = example_sample("QD")
    assert isinstance(sample, QuickDrawSample)
    assert sample == example_sample("QD") != example_sample("QD", id=77)


@pytest.mark.parametrize(
    ("scenario", "template", "answer", "other_template", "other_answer", "shared"),
    [
        ("ROD", "r/natural_redbl_room-mug-s{image}.jpg", "Cat.", "r/low_bluecb_hall-mug-s{image}.jpg", "Cat.", True),
        (
            "ROD",
            "r/natural_redbl_room-mug-s{image}.jpg",
            "Cat.",
            "r/natural_redbl_room-cat-s{image}.jpg",
            "Cat.",
            False,
        ),
        ("ROD", "r/{image}.jpg", "Cat.", "r/b/{image}.jpg", "Cat.", False),
        ("MVP-N", "m/a/{informative}{image}.png", "Cat.", "m/b/{informative}{image}.png", "Cat.", True),
        ("MVP-N", "m/a/{informative}{image}.png", "Cat.", "m/a/{informative}{image}.png", "Banana.", False),
        ("IN-C", "i/snow/{level}/n1/val_1.JPEG", "Cat.", "i/fog/{level}/n1/val_1.JPEG", "Cat.", True),
        ("VSOD", "v/one/{image}.jpg", "Cat.", "v/one/{image}.jpg", "Banana.", True),
        ("COCO", "c/one.jpg", "Cat.", "c/two.jpg", "Cat.", False),
    ],
)
def test_samples_of_the_same_thing_share_their_source(
    scenario: str, template: str, answer: str, other_template: str, other_answer: str, shared: bool
) -> None:
    first = example_sample(scenario, image_template=template, answer=answer)
    second = example_sample(scenario, image_template=other_template, answer=other_answer)
    assert (first.source == second.source) is shared
