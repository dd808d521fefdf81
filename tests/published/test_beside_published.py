"""The published package and ours play side by side: the same states, statistics, attributes, examples, draws."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from builders.changeit import ChangeItBuilder
from builders.registry import make_builder
from proactivebench import data_utils, environment, open_ended_gen
from proactivebench.scenarios import SCENARIOS, is_abstention
from proactivebench.views import HISTORY_SHORT_EDGE, ShortEdge
from raw_sources.changeit import ChangeIt, ChangeItRecord, read_categories, read_labels
from tests.published.test_conformance import read
from tests.support.published_package import published, published_text

ENTRIES = [(record["dataset"], record["entry"]) for record in read("environment_traces")]
CATEGORIES = [
    "Cat.",
    "Great_pyrenees.",
    "T.v. stand.",
    "Dr. J. Smith.",
    "Updated view.",
    "José mourinho.",
    "A. b.",
    "X.",
]
FOREIGN = ["Foo bar.", "Rotate the object.", "Rewind the video.", "Deblur the image.", "Move farther from the object."]
PICTURE = Image.effect_noise((64, 48), 50)


def made_up(rng: random.Random) -> tuple[str, dict[str, Any]]:
    """A recorded sample with other numbers and texts."""
    dataset, entry = copy.deepcopy(rng.choice(ENTRIES))
    if rng.random() < 0.5:
        entry["categories"] = rng.sample(CATEGORIES, 4)
        entry["answer"] = rng.choice(entry["categories"])
    if dataset == "MVP-N":
        count = rng.randint(1, 5)
        entry |= {"num_images": count, "valid_images": rng.sample(range(99), count)}
    elif dataset == "coco2014":
        entry |= {
            "granularity": rng.randint(1, 5),
            "horizontal_step": rng.uniform(0, 9),
            "vertical_step": rng.randint(0, 9),
        }
    elif dataset == "ChangeIt":
        entry |= {"num_images": rng.randint(1, 9), "step_size": rng.randint(1, 3), "max_steps": rng.randint(1, 9)}
        entry["first_image"] = rng.randrange(entry["num_images"])
    elif dataset == "Realistic-Occlusion-Dataset":
        entry["image_template"] = "Realistic-Occlusion-Dataset/natural_bluebl_greenr-banana-s{image}.jpg"
        entry["first_image"] = rng.choice([5, 6, 7])
    elif dataset != "ImageNet-C":
        entry |= {"num_images": rng.randint(1, 7), "first_image": 0}
    return dataset, entry


def reply(rng: random.Random, state: dict[str, Any]) -> str:
    """An option, in one of the ways in which models write them."""
    asks = [option for option in state["options"][:-4] if not is_abstention(option)]
    option = rng.choice(asks if asks and rng.random() < 0.6 else state["options"])
    letter = chr(ord("A") + state["options"].index(option))
    said = [
        f"{letter}. {option}",
        letter,
        f"{letter.lower()}.",
        f"({letter}) {option}",
        option.upper(),
        option[:-1],
        "",
        "zzz",
    ]
    return str(option if rng.random() < 0.6 else rng.choice(said))


def facts(of: Any) -> dict[str, Any]:
    return {name: value for name in dir(of) if name[0] != "_" and not callable(value := getattr(of, name))}


def seeded(seed: float, call: Callable[[], Any]) -> Any:
    """What a call returns, and whether it used the module `random` alike."""
    random.seed(seed)
    return call(), random.random()


def shown(state: dict[str, Any]) -> dict[str, Any]:
    """A state with what its transform does to a picture."""
    try:
        picture = state["transform"](PICTURE)
    except ValueError:  # a crop that leaves nothing
        return state | {"transform": None}
    return state | {"transform": (picture is PICTURE, picture.size, picture.tobytes())}


def agree(theirs: Any, ours: Any) -> None:
    """Every public attribute of theirs is ours, by name, value and type."""
    for name, value in facts(theirs).items():
        assert (name, getattr(ours, name)) == (name, value)
        assert (name, type(getattr(ours, name))) == (name, type(value))
    assert ours.get_statistics() == theirs.get_statistics()
    assert list(map(type, ours.get_statistics().values())) == list(map(type, theirs.get_statistics().values()))


def play_both(make: dict[str, Any], dataset: str, entry: dict[str, Any], rng: random.Random) -> int:
    """Plays an episode and some turns beyond its end; ends where the published package raises. Returns its turns."""
    theirs = published("environment").get_environment(dataset)(entry=copy.deepcopy(entry), data_dir="DATA", **make)
    ours = environment.get_environment(dataset)(entry=copy.deepcopy(entry), data_dir="DATA", **make)
    agree(theirs, ours)
    beyond, hint, turns = rng.randint(0, 3), rng.random() < 0.5, 0
    while not theirs.stop or beyond:
        beyond -= theirs.stop
        try:
            state = theirs.get_state(hint=hint)
            said = reply(rng, state)
            valid = copy.deepcopy(theirs).get_open_ended_gen_answers()  # of ChangeIt it changes the environment
            drawn = seeded(turns, partial(theirs.evaluate_generated_answer, said))
        except (ValueError, AssertionError):
            break
        assert shown(ours.get_state(hint=hint)) == shown(state)
        assert ours.get_open_ended_gen_answers() == valid
        assert seeded(turns, partial(ours.evaluate_generated_answer, said)) == drawn
        agree(theirs, ours)
        turns += 1
    return turns


@pytest.mark.parametrize("setting", ["", "resize_samples", "reference", "random"])
def test_made_up_episodes(setting: str) -> None:
    rng = random.Random(setting)
    turns = 0
    for _ in range(250):
        dataset, entry = made_up(rng)
        if setting == "random":
            entry["options"] = [*rng.sample(FOREIGN, 3), "I cannot tell."]
        turns += play_both({setting: True} if setting else {}, dataset, entry, rng)
    assert turns > 250


def test_examples() -> None:
    rng = random.Random(0)
    entries = [(dataset, entry) for dataset, entry in ENTRIES if dataset in ("MVP-N", "Realistic-Occlusion-Dataset")]
    for number in range(150):
        dataset, entry = rng.choice(entries)
        asked = {name: rng.random() < 0.5 for name in ("hint", "cot", "resize", "reduce_icl_steps")}
        both, make = [], {"resize_samples": rng.random() < 0.5}
        for module in (published("environment"), environment):
            env = module.get_environment(dataset)(entry=copy.deepcopy(entry), data_dir="DATA", **make)
            steps, drawn = seeded(number, partial(env.get_icl_example, **asked))
            both.append(([shown(step) for step in steps], drawn, env, shown(env.get_state())))
        (*first, theirs, here), (*second, ours, there) = both
        assert first == second
        assert here == there
        agree(theirs, ours)


@pytest.mark.parametrize("name", ["MVP-N", "ROD"])
def test_a_run_shrinks_pictures_as_published(name: str) -> None:
    """`--shrink-examples` and `--history`, whose sizes the evaluator takes from the scenario and from `views`."""
    scenario = SCENARIOS[name]
    entry = next(entry for dataset, entry in ENTRIES if dataset == scenario.dataset)
    make = published("environment").get_environment(scenario.dataset)
    [*steps] = make(entry=copy.deepcopy(entry), data_dir="DATA").get_icl_example(resize=True)
    shown_small = make(entry=copy.deepcopy(entry), data_dir="DATA", resize_samples=True).get_state()
    assert scenario.example is not None
    for state, short_edge in ((steps[0], scenario.example.small_edge), (shown_small, HISTORY_SHORT_EDGE)):
        theirs, ours = state["transform"](PICTURE), ShortEdge(short_edge)(PICTURE)
        assert (theirs.size, theirs.tobytes()) == (ours.size, ours.tobytes())


def test_the_published_loop_is_what_readme_says() -> None:
    """One model, one episode at a time; a picture that its processor refuses ends the episode with -1 suggestions."""
    loop = published_text("tests/mcqa")
    assert re.search(r"except \(ValueError, TypeError\):[^\n]*\n[^\n]*\n\s+break\n", loop)
    assert 'ps += stats["num_turns"] - 1' in loop
    assert loop.count("model.generate(") == loop.count("images=image,") == len(re.findall("^MODEL = ", loop, re.M)) == 1
    assert re.findall(r"add_argument\(\"(.*?)\"", loop) == ["--data-dir"]
    fresh = published("environment").get_environment(ENTRIES[0][0])(entry=copy.deepcopy(ENTRIES[0][1]), data_dir="DATA")
    assert fresh.get_statistics()["num_turns"] - 1 == -1


def test_modules_have_the_published_names() -> None:
    for name, ours in (("environment", environment), ("open_ended_gen", open_ended_gen), ("data_utils", data_utils)):
        theirs = vars(published(name))
        defined = [key for key, value in theirs.items() if key[0] != "_" and type(value).__name__ != "module"]
        assert not {key for key in defined if not hasattr(ours, key)} - {"process_vision_info"}
        for key in defined:
            if isinstance(theirs[key], int | dict):
                assert getattr(ours, key) == theirs[key]
    theirs_gen = published("open_ended_gen")
    assert [message["role"] for message in theirs_gen.get_oeg_judge_messages("P", "a, b.", "G")] == [
        message["role"] for message in open_ended_gen.get_oeg_judge_messages("P", "a, b.", "G")
    ]


def test_pictures_and_conversations(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    PICTURE.save(path)

    def crop(picture: Image.Image) -> Image.Image:
        return picture.crop((1.4, 2, 30.6, 20))

    both = []
    for module in (published("data_utils"), data_utils):
        conversation = module.apply_conversation_template("What?", str(path), crop)
        pictures = module.load_image(conversation * 2, "llava")
        text = module.apply_multi_choice_template("What?", ["Cat.", "Dog."], short_answer=True)
        both.append((conversation, [(picture.mode, picture.tobytes()) for picture in pictures], text))
    assert both[0] == both[1]


def play_to_the_end(dataset: str, line: str, folder: Path) -> Iterator[Path]:
    """Plays a sample in several ways, in which the published package raises in none; yields the frames it asks for."""
    for policy in ("first", "last", "random", "answer"):
        both = [
            module.get_environment(dataset)(entry=json.loads(line), data_dir=str(folder))
            for module in (published("environment"), environment)
        ]
        rng = random.Random(line + policy)
        while not both[0].stop:
            state, ours = both[0].get_state(hint=True), both[1].get_state(hint=True)
            yield Path(state["image_path"])
            assert {**ours, "transform": None} == {**state, "transform": None}
            right, _ = both[0]._get_correct_options_and_categories()
            ways = {"first": right[:1], "last": right[-1:], "random": state["options"], "answer": []}[policy]
            said = rng.choice(ways or [both[0].answer])
            for env in both:
                env.evaluate_generated_answer(said)
            assert both[0].stop == both[1].stop
        assert both[0].get_statistics() == both[1].get_statistics()


def test_what_is_built_can_be_played(all_built: Path) -> None:
    for scenario in SCENARIOS.values():
        lines = (all_built / "test" / f"{scenario.dataset}_preprocessed.jsonl").read_text(encoding="utf-8").splitlines()
        assert lines
        for line in lines:
            assert all(frame.is_file() for frame in play_to_the_end(scenario.dataset, line, all_built / "test"))


def test_what_is_built_from_real_data_can_be_played(shared_data: Path) -> None:
    """A drawing of each class, every twentieth annotated video and all photos that there are; nothing is drawn."""
    videos = ChangeItBuilder(ChangeIt.locate(shared_data / "changeit"))
    categories = read_categories(videos.source.folder / "categories.csv")
    labelled = [
        ChangeItRecord(categories[name], video, Path("none.mp4"), read_labels(path))
        for name, video in videos.source.annotated()[::20]
        if (path := videos.source.folder / "annotations" / name / f"{video}.fps1.csv")
    ]
    drawings = make_builder(SCENARIOS["QD"], shared_data / "quickdraw", per_category=1)
    photos = make_builder(SCENARIOS["COCO"], shared_data / "coco")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builders.changeit.readable_seconds", lambda video: 1e4)
        made = {
            "ChangeIt": [sample for record in labelled for sample in videos.plan_record(record).samples],
            "QuickDraw": [sample for unit in drawings.units() for sample in drawings.plan(unit).samples],
            "coco2014": [sample for unit in photos.units() for sample in photos.plan(unit).samples],
        }
    assert {name: len(samples) for name, samples in made.items()} == {"ChangeIt": 52, "QuickDraw": 344, "coco2014": 14}
    for dataset, samples in made.items():
        for number, sample in enumerate(samples):
            assert list(play_to_the_end(dataset, json.dumps({"id": number, **sample.fields}), shared_data))


@pytest.fixture(scope="module")
def all_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven scenarios, built from made-up raw data as `proactivebench demo` does."""
    from commands.demo import _tour

    return _tour(tmp_path_factory.mktemp("built")).folder
