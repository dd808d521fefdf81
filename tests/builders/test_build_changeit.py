"""The ChangeIt builder: positions, references, and what is left out."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from builders.changeit import (
    MAX_HEIGHT,
    QUESTIONS,
    WAIT_FOR_ACTION,
    WAIT_FOR_OBJECT,
    ChangeItBuilder,
    middle_of_longest_run,
)
from builders.pipeline.build import build
from builders.vsod_labels import WAIT
from builders.wording import REWIND, VIDEO_ABSTENTIONS
from proactivebench.errors import UsageError
from proactivebench.scenarios import CIT, SCENARIOS, VSOD, Action, is_abstention, make_environment
from proactivebench.scenarios.changeit import ChangeItSample
from raw_sources import fakes
from raw_sources.changeit import ChangeIt, Label
from raw_sources.fakes.videos import CHANGEIT_LABELS, changeit_frame, write_video
from tests.support.builds import build_again, left_out
from tests.support.oracle import sound_samples


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_changeit(tmp_path_factory.mktemp("changeit"))


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(made, tmp_path / "raw"))


def annotate(raw: Path, category: str, labels: str) -> None:
    """Labels the video of a category anew, a digit per second."""
    [video] = (path for path in (raw / "downloads" / category).iterdir() if not path.name.startswith("."))
    path = raw / "annotations" / category / f"{video.stem}.fps1.csv"
    path.write_text("".join(f"{second},{label}\n" for second, label in enumerate(labels)))


def built_samples(folder: Path) -> dict[str, ChangeItSample]:
    """`apple/object` and so on -> sample; by its answer, the action is one that is no object."""
    samples = {}
    for sample in sound_samples(folder, CIT):
        assert isinstance(sample, ChangeItSample)
        category = sample.image_template.split("/")[1]
        asked = "object" if sample.answer.lower().startswith(category) else "action"
        samples[f"{category}/{asked}"] = sample
    return samples


class TestTexts:
    def test_pools_are_as_large_as_published(self) -> None:
        assert [len(set(question.pool)) for question in QUESTIONS] == [15, 11]
        assert len(set(VIDEO_ABSTENTIONS)) == 3

    @pytest.mark.parametrize(
        ("suggestion", "action"),
        [
            (REWIND, Action.REWIND),
            (WAIT, Action.FORWARD),
            (WAIT_FOR_OBJECT, Action.FORWARD),
            (WAIT_FOR_ACTION, Action.FORWARD),
        ],
    )
    def test_a_suggestion_names_its_action_and_no_other(self, suggestion: str, action: Action) -> None:
        for scenario in (CIT, VSOD):
            assert sum(keyword in suggestion.lower() for keyword in scenario.keywords) == 1
            assert scenario.action_of(suggestion) is action
        assert not is_abstention(suggestion)

    def test_suggestions_are_what_the_published_package_looks_for(self) -> None:
        assert REWIND == "Rewind the video."
        assert all("Wait for the" in question.wait for question in QUESTIONS)

    @pytest.mark.parametrize("abstention", VIDEO_ABSTENTIONS)
    def test_an_abstention_holds_no_keyword(self, abstention: str) -> None:
        assert is_abstention(abstention)
        assert not [k for scenario in SCENARIOS.values() for k in scenario.keywords if k in abstention.lower()]


def test_samples_are_sound(made: Path, tmp_path: Path) -> None:
    report = build(ChangeItBuilder(ChangeIt.locate(made)), tmp_path)
    assert (report.samples, report.frames, report.left_out) == (8, 4 * 26, {})
    assert [problem.where for problem in report.problems] == ["apple/nOtThErE-05"]
    samples = built_samples(tmp_path)
    assert len(samples) == 8
    for sample in samples.values():
        assert (sample.first_image, sample.num_images, sample.step_size, sample.max_steps) == (0, 26, 1, 26)
        assert Counter(CIT.action_of(o) for o in sample.options) == {Action.REWIND: 1, Action.FORWARD: 1, None: 1}
        assert len(set(sample.categories)) == 4
    assert samples["apple/object"].answer == "Apple."
    assert samples["apple/action"].answer == "Peeling."
    assert samples["apple/object"].image_template == samples["apple/action"].image_template
    assert CHANGEIT_LABELS[samples["apple/action"].reference_image] == Label.ACTION


def test_frames_are_those_of_their_second_in_every_codec(made: Path, tmp_path: Path) -> None:
    build(ChangeItBuilder(ChangeIt.locate(made)), tmp_path)
    for folder in (tmp_path / "test" / "ChangeIt").glob("*/*"):
        for second in (0, 7, 13, 25):
            with Image.open(folder / f"{second}.jpg") as image:
                frame = np.asarray(image.convert("RGB"), float)
            wanted = np.asarray(changeit_frame(folder.parent.name, second), float)
            later = np.asarray(changeit_frame(folder.parent.name, (second + 13) % 26), float)
            assert np.abs(frame - wanted).mean() < min(6, np.abs(frame - later).mean())


def test_the_same_bytes_whatever_happens(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = build_again(ChangeItBuilder(ChangeIt.locate(made)), tmp_path, monkeypatch)
    assert "test/ChangeIt/apple/-tHiStLe_01/0.jpg" in built


@pytest.mark.parametrize(
    ("good", "bad", "samples"), [(b"VideoHandler", b"VideoHandl\xff\xff", 8), (b"avc1", b"zzzz", 6)]
)
def test_a_byte_in_one_video_costs_its_samples_at_most(
    raw: Path, tmp_path: Path, good: bytes, bad: bytes, samples: int
) -> None:
    video = raw / "downloads" / "apple" / "-tHiStLe_01.mp4"
    video.write_bytes(video.read_bytes().replace(good, bad))
    report = build(ChangeItBuilder(ChangeIt.locate(raw)), tmp_path / "out")
    assert report.samples == samples
    assert [problem.where for problem in report.problems if problem.where == str(video)] == [str(video)] * (samples < 8)


def test_long_videos_have_about_as_many_positions_as_asked_for(made: Path, tmp_path: Path) -> None:
    report = build(ChangeItBuilder(ChangeIt.locate(made), positions=6), tmp_path)
    assert report.frames == 4 * 7
    for sample in built_samples(tmp_path).values():
        assert (sample.step_size, sample.max_steps, sample.num_images) == (4, 7, 26)
        assert sample.reference_image % 4 == 0
        frames = (tmp_path / "test" / sample.image_template).parent.iterdir()
        assert {int(frame.stem) for frame in frames} == set(range(0, 26, 4))
        environment = make_environment(sample)
        waits = next(option for option in sample.options if CIT.action_of(option) is Action.FORWARD)
        while not environment.last_turn:
            environment.step(waits)
        assert environment.frame_number == 24


@pytest.mark.parametrize(
    ("labels", "built", "reason"),
    [
        ("1" * 6 + "2" * 10 + "3" * 10, {"action"}, "the first frame shows the object"),
        ("3" * 6 + "2" * 10 + "0" * 10, set(), "the first frame shows the action"),
        ("2" * 6 + "0" * 20, set(), "the first frame shows the action"),
        ("0" * 6 + "1" * 20, {"object"}, "no position shows the action"),
        ("0" * 26, set(), "no position shows the object"),
    ],
)
def test_what_the_first_frame_gives_away_is_not_asked(
    raw: Path, tmp_path: Path, labels: str, built: set[str], reason: str
) -> None:
    annotate(raw, "butter", labels)
    report = build(ChangeItBuilder(ChangeIt.locate(raw)), tmp_path / "out")
    assert {key.split("/")[1] for key in built_samples(tmp_path / "out") if key.startswith("butter")} == built
    assert reason in report.left_out
    assert {skip.key.split("/")[0] for skip in left_out(tmp_path / "out")} == {"butter"}


def test_there_are_at_most_as_many_frames_as_annotated_seconds(raw: Path, tmp_path: Path) -> None:
    annotate(raw, "apple", "0" * 5 + "2" * 7)
    build(ChangeItBuilder(ChangeIt.locate(raw)), tmp_path / "out")
    assert built_samples(tmp_path / "out")["apple/object"].num_images == 12


def test_one_video_in_two_categories_gives_samples_of_its_own_for_each(raw: Path, tmp_path: Path) -> None:
    shutil.copy(raw / "downloads" / "apple" / "-tHiStLe_01.mp4", raw / "downloads" / "beer")
    labels = "".join(f"{second},{label}\n" for second, label in enumerate("0" * 20 + "2" * 6))
    (raw / "annotations" / "beer" / "-tHiStLe_01.fps1.csv").write_text(labels)
    report = build(ChangeItBuilder(ChangeIt.locate(raw)), tmp_path / "out")
    assert report.samples == 10
    references = {s.image_template.split("/")[1]: s.reference_image for s in sound_samples(tmp_path / "out", CIT)
                  if "-tHiStLe_01" in s.image_template}  # fmt: skip
    assert references["apple"] < 20 <= references["beer"]


def test_what_is_done_as_well_is_no_wrong_answer(raw: Path) -> None:
    with (raw / "categories.csv").open("a") as file:
        file.write('tile,"Tile Cutting",0.3\ncorn,"Corn Peeling",0.3\n')
    for seed in range(20):
        builder = ChangeItBuilder(ChangeIt.locate(raw), seed=seed)
        apple = next(record for record in builder.read([]) if record.category.name == "apple")
        objects, actions = builder.plan(apple).samples
        assert actions.fields["answer"] == "Peeling."
        assert "Cutting." not in actions.fields["categories"]
        assert len(set(objects.fields["categories"])) == 4


def test_a_cut_video_is_used_as_far_as_it_goes_and_reported(raw: Path, tmp_path: Path) -> None:
    for name in ("butter/_mAdEuP0002.webm", "apple/-tHiStLe_01.mp4"):
        path = raw / "downloads" / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.5)])
    report = build(ChangeItBuilder(ChangeIt.locate(raw)), tmp_path / "out")
    assert sorted(Path(problem.where).name for problem in report.problems) == [
        "-tHiStLe_01.mp4", "_mAdEuP0002.webm", "nOtThErE-05"
    ]  # fmt: skip
    assert "26 s are annotated" in str(report.problems)
    samples = built_samples(tmp_path / "out")
    assert 6 < samples["butter/object"].num_images < 26
    assert 6 < samples["apple/object"].num_images < 26


def test_damage_in_the_middle_of_a_video_leaves_its_samples_out(raw: Path, tmp_path: Path) -> None:
    path = raw / "downloads" / "apple" / "-tHiStLe_01.mp4"
    data = bytearray(path.read_bytes())
    middle = slice(int(len(data) * 0.4), int(len(data) * 0.6))
    data[middle] = np.random.default_rng(0).bytes(middle.stop - middle.start)
    path.write_bytes(data)
    build(ChangeItBuilder(ChangeIt.locate(raw)), tmp_path / "out")
    assert {skip.key for skip in left_out(tmp_path / "out")} == {"apple/-tHiStLe_01/object", "apple/-tHiStLe_01/action"}
    assert all("cut or damaged" in skip.reason for skip in left_out(tmp_path / "out"))
    assert not (tmp_path / "out" / "test" / "ChangeIt" / "apple").exists()
    assert len(built_samples(tmp_path / "out")) == 6


def test_unreadable_data_is_reported(raw: Path, tmp_path: Path) -> None:
    (raw / "downloads" / "apple" / "-tHiStLe_01.mp4").write_bytes(b"not a video")
    annotations = raw / "annotations" / "butter" / "_mAdEuP0002.fps1.csv"
    annotations.write_text("0,0\n1,9\n")
    report = build(ChangeItBuilder(ChangeIt.locate(raw)), tmp_path / "out")
    said = " ".join(map(str, report.problems))
    assert "-tHiStLe_01.mp4: not a readable video" in said
    assert f"{annotations}:2: expected 1 and a label from 0 to 3, found '1,9'" in said
    assert report.samples == 4


def test_large_videos_are_scaled_down(raw: Path, tmp_path: Path) -> None:
    path = raw / "downloads" / "apple" / "-tHiStLe_01.mp4"
    frame = changeit_frame("apple", 8).resize((1280, 720))
    write_video(path, "libx264", ((float(second), frame) for second in range(26)))
    build(ChangeItBuilder(ChangeIt.locate(raw), positions=2), tmp_path / "out")
    with Image.open(tmp_path / "out" / "test" / "ChangeIt" / "apple" / "-tHiStLe_01" / "0.jpg") as image:
        assert image.size == (853, MAX_HEIGHT)


def test_few_positions_are_refused(made: Path) -> None:
    with pytest.raises(UsageError, match="positions is 1"):
        ChangeItBuilder(ChangeIt.locate(made), positions=1)


@given(st.lists(st.sampled_from(Label), min_size=1), st.integers(1, 4), st.sets(st.sampled_from(Label), min_size=1))
def test_the_reference_is_a_position_that_shows_the_answer(labels: list[Label], step: int, wanted: set[Label]) -> None:
    positions = range(0, len(labels), step)
    found = middle_of_longest_run(positions, labels, wanted)
    if found is None:
        assert not any(labels[position] in wanted for position in positions)
    else:
        assert found in positions
        assert labels[found] in wanted


def test_all_real_annotations_give_about_as_many_samples_as_published(shared_data: Path, tmp_path: Path) -> None:
    real = shared_data / "changeit" / "ChangeIt"
    root = tmp_path / "ChangeIt"
    root.mkdir()
    for name in ("categories.csv", "annotations"):
        (root / name).symlink_to(real / name)
    write_video(tmp_path / "any.mp4", "libx264", ((float(s), Image.new("RGB", (32, 32))) for s in range(900)))
    for category, video in ChangeIt(root).annotated():
        path = root / "downloads" / category / f"{video}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(tmp_path / "any.mp4")
    builder = ChangeItBuilder(ChangeIt.locate(root))
    plans = [builder.plan(unit) for unit in builder.units()]
    samples = [sample for plan in plans for sample in plan.samples]
    assert not [problem for plan in plans for problem in plan.problems]
    assert len(samples) + sum(len(plan.skipped) for plan in plans) == 2 * 667
    assert abs(len(samples) - 946) < 50
    assert len({category for sample in samples for category in sample.fields["categories"]}) == 69
    assert all(10 <= sample.fields["max_steps"] <= 29 for sample in samples if sample.fields["num_images"] >= 20)
