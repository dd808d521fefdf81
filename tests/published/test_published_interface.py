"""The published interface on a benchmark on disk: samples, pictures and where both are looked for."""

from __future__ import annotations

import random
import string
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from proactivebench import data_utils, environment, open_ended_gen
from proactivebench.benchmark import Benchmark
from proactivebench.data_utils import (
    JSONLDataset,
    apply_conversation_template,
    apply_multi_choice_template,
    load_image,
    load_proactivebench_dataset,
)
from proactivebench.environment import BaseEnvironment, get_environment
from proactivebench.errors import UsageError
from proactivebench.scenarios import SCENARIOS, Action, get_scenario
from raw_sources.plugins import using
from tests.support.example_samples import ENTRIES
from tests.support.processes import ROOT
from tests.support.small_benchmark import build_small


@pytest.mark.parametrize("place", [".", "test"])
def test_a_benchmark_is_found_by_its_folder_or_by_that_of_its_frames(tmp_path: Path, place: str) -> None:
    data = str(build_small(tmp_path) / place)
    dataset = load_proactivebench_dataset(data, "QuickDraw")
    state = get_environment("QuickDraw")(dataset[0], data).get_state()
    conversation = apply_conversation_template(state["prompt"], state["image_path"], state["transform"])
    pictures = load_image(conversation, "any")
    assert isinstance(pictures, list)
    assert [picture.size for picture in pictures] == [(256, 256)]
    assert Path(state["image_path"]).is_relative_to(tmp_path / "test" / "QuickDraw")


def test_frames_beside_a_folder_test_of_something_else(tmp_path: Path) -> None:
    frames = build_small(tmp_path / "built") / "test"
    (frames / "test").mkdir()
    entry = load_proactivebench_dataset(str(frames), "QuickDraw")[0]
    state = get_environment("QuickDraw")(entry, str(frames)).get_state()
    assert Path(state["image_path"]).is_file()


def test_samples_are_those_of_the_file_that_is_named(tmp_path: Path) -> None:
    whole = build_small(tmp_path) / "test" / "QuickDraw_preprocessed.jsonl"
    one = whole.with_name("mine.jsonl")
    one.write_text(whole.read_text().splitlines()[3])
    assert [sample["id"] for sample in JSONLDataset(str(one), "QuickDraw")] == [3]
    with pytest.raises(UsageError, match="there is no such file"):
        JSONLDataset(str(whole.with_name("other.jsonl")), "QuickDraw")


def test_what_a_plug_in_brings_is_not_part_of_the_published_interface(tmp_path: Path) -> None:
    with using([ROOT / "examples" / "dark" / "dark"]):
        assert Benchmark(tmp_path, tmp_path, assume_published=True).kept_ids(get_scenario("DARK")) is None
        with pytest.raises(UsageError, match="has no DARK"):
            get_environment("DARK")


def test_the_loop_of_the_published_readme(tmp_path: Path) -> None:
    """Every name that scripts for the published package use."""
    data = str(build_small(tmp_path) / "test")
    dataset = load_proactivebench_dataset(data, "QuickDraw")
    assert isinstance(dataset, JSONLDataset)
    assert len(dataset) == len(list(dataset)) == len(dataset.data)
    env = get_environment("QuickDraw")(entry=dataset[0], data_dir=data)
    while not env.stop:
        state = env.get_state(hint=False)
        prompt = apply_multi_choice_template(state["prompt"], state["options"], short_answer=True)
        conversation = apply_conversation_template(prompt, state["image_path"], state["transform"])
        assert [block["type"] for block in conversation[0]["content"]] == ["image", "transform", "text"]
        assert conversation[0]["content"][0]["image"] == "file://" + state["image_path"]
        assert len(load_image(conversation, "llava")) == 1
        assert env.options + env.categories == state["options"]
        last = env.num_turns == env.max_steps - 1
        env.evaluate_generated_answer(env.answer if last else env.correct_options[0])
    assert env.correct_prediction
    assert env.get_statistics()["num_turns"] == env.num_turns == env.num_images
    env.evaluate_generated_answer("An answer after the end.")
    assert env.num_turns == env.num_images + 1


def test_pictures_of_a_conversation_each_pass_through_their_transform(tmp_path: Path) -> None:
    Image.new("L", (40, 30)).save(tmp_path / "a.png")
    Image.new("RGB", (90, 30)).save(tmp_path / "b.png")

    def crop(image: Image.Image) -> Image.Image:
        return image.crop((0, 0, 5, 6))

    turns = apply_conversation_template("One?", str(tmp_path / "a.png"), crop)
    turns += [{"role": "assistant", "content": "Yes."}]
    turns += apply_conversation_template("Two?", str(tmp_path / "b.png"), lambda image: image)
    assert [(picture.size, picture.mode) for picture in load_image(turns, "x")] == [((5, 6), "RGB"), ((90, 30), "RGB")]
    assert load_image([], "x") == []


@pytest.mark.parametrize("scenario", ENTRIES)
def test_a_transform_can_always_be_called(scenario: str) -> None:
    picture = Image.new("RGB", (640, 480))
    for reference in (False, True):
        seen = get_environment(scenario)(ENTRIES[scenario], "DATA", reference=reference).get_state()["transform"](
            picture
        )
        assert (seen is picture) == (scenario != "COCO" or reference)


@pytest.mark.parametrize(("scenario", "short_edge"), [("ROD", 512), ("MVP-N", 112)])
def test_examples_alone_are_shrunk(scenario: str, short_edge: int) -> None:
    env = get_environment(scenario)(ENTRIES[scenario], "DATA")
    picture = Image.new("RGB", (640, 480))
    for step in env.get_icl_example(resize=True):
        assert min(step["transform"](picture).size) == short_edge
    assert env.get_state()["transform"](picture) is picture


def test_the_direction_of_an_example_is_drawn_anew() -> None:
    drawn = {get_environment("ROD")(ENTRIES["ROD"], "DATA").get_icl_example()[0]["generated_answer"] for _ in range(60)}
    assert len(drawn) == 2


def test_names_of_the_published_modules() -> None:
    assert {name: getattr(environment, name) for name in Action.__members__} == dict(Action.__members__)
    names = [scenario.dataset.replace("-", "").replace("coco", "COCO") for scenario in SCENARIOS.values()]
    for name, scenario in zip(names, SCENARIOS.values(), strict=True):
        found = getattr(environment, f"{name}Environment")
        assert issubclass(found, BaseEnvironment)
        assert get_environment(scenario.dataset) is found
    assert {name: len(ids) for name, ids in data_utils.FILTER.items()}["QuickDraw"] == 2105
    assert sum(map(len, data_utils.FILTER.values())) == 7557
    fields = {field for _, field, _, _ in string.Formatter().parse(open_ended_gen.USER_PROMPT)}
    assert fields == {"user_prompt", "correct_answers", "generated_answer"}
    assert open_ended_gen.SYSTEM_PROMPT
    assert open_ended_gen.PREDICTION_THR["VSOD"] == 3


def test_verbose_prints_every_answer_and_how_it_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    for verbose in (False, True):
        get_environment("QD")(ENTRIES["QD"], "DATA", verbose=verbose).evaluate_generated_answer("A guess.")
        printed = capsys.readouterr().out
        assert ("A guess." in printed, "mismatch" in printed) == (verbose, verbose)


def test_the_caller_brings_the_random_options() -> None:
    entry: dict[str, Any] = ENTRIES["QD"] | {"options": ["Do a trick.", "I cannot tell."]}
    random.seed(0)
    env = get_environment("QD")(entry, "DATA", random=True)
    env.evaluate_generated_answer("Do a trick.")
    assert not env.stop
    assert env.get_statistics()["action_history"] == [environment.DETAILS]
