"""Which samples are played, and in which size few-shot examples are shown; beside the published recipes."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.examples import examples_for
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.settings import Settings
from proactivebench.frames import Frames
from proactivebench.models.base import Message, Request
from proactivebench.scenarios import MVPN, QD, ROD, Sample, get_scenario
from proactivebench.scenarios.check import way_to_reference
from proactivebench.views import ShortEdge, View
from tests.support.all_scenarios import Answering, four_samples_each, play
from tests.support.choosing import chosen_samples
from tests.support.example_samples import example_sample


def published_choice(samples: list[int]) -> list[int]:
    """The published recipe, letter by letter."""
    state = random.getstate()
    chosen = list(samples)
    random.seed(0)
    random.shuffle(chosen)
    random.setstate(state)
    return chosen[:100]


@pytest.mark.parametrize("count", [3, 100, 101, 436, 2591])
@pytest.mark.parametrize("seed", [0, 7])
def test_free_replies_play_the_samples_of_the_paper(count: int, seed: int) -> None:
    samples = [example_sample("QD", id=3 * number + 1) for number in range(count)]
    chosen = chosen_samples(QD, samples, Settings(mode="oeg", seed=seed))
    assert sorted(sample.id for sample in chosen) == sorted(published_choice([sample.id for sample in samples]))
    assert chosen == chosen_samples(QD, samples, Settings(limit=100))


def test_a_list_of_samples_for_free_replies_is_played_whole() -> None:
    samples = [example_sample("QD", id=number) for number in range(150)]
    named = Settings(mode="oeg", samples={"QD": tuple(range(120))})
    assert len(chosen_samples(QD, samples, named)) == 120
    assert len(chosen_samples(QD, samples, named.model_copy(update={"limit": 7}))) == 7


def test_limits(tmp_path: Path) -> None:
    benchmark = four_samples_each(tmp_path / "data")
    command = ["evaluate", "--model", "scripted:guess", "--data", str(benchmark.folder), "--no-filter"]
    for limit, played in (("paper", 4), ("3", 3)):
        out = tmp_path / limit
        done = CliRunner().invoke(cli.main, [*command, "--out", str(out), "--scenario", "qd", "--limit", limit])
        assert done.exit_code == 0, done.output
        assert len(list(read_episodes(out))) == played
    assert json.loads((tmp_path / "paper" / "run.json").read_text())["settings"]["limit"] == 100
    for limit in ("0", "papers"):
        done = CliRunner().invoke(cli.main, [*command, "--out", str(tmp_path / "no"), "--limit", limit])
        assert done.exit_code == 2
        assert "--limit" in done.output


def views(benchmark: Benchmark, out: Path, **settings: Any) -> dict[str, tuple[set[View | None], View | None]]:
    """Scenario -> how its examples' frames and its questions' are shown."""
    seen: dict[str, tuple[set[View | None], View | None]] = {}

    def answer(request: Request) -> str:
        assert request.environment is not None
        *examples, asked = (message.picture.view for message in request.messages if message.picture)
        if request.environment.turn == 0:
            seen[request.environment.scenario.name] = (set(examples), asked)
        return (way_to_reference(request.environment) or [request.environment.sample.answer])[0]

    play(benchmark, Answering(answer), out, [ROD, MVPN], **settings)
    return seen


def test_history_alone_shrinks_everything(tmp_path: Path) -> None:
    benchmark = four_samples_each(tmp_path / "data")
    as_stored = {None}, None
    assert views(benchmark, tmp_path / "1", shots=1) == {"ROD": as_stored, "MVP-N": as_stored}
    small = {ShortEdge(224)}, ShortEdge(224)
    assert views(benchmark, tmp_path / "2", shots=1, history=True) == {"ROD": small, "MVP-N": small}
    examples_only = views(benchmark, tmp_path / "3", shots=3, shrink_examples=True)
    assert examples_only == {"ROD": ({ShortEdge(512)}, None), "MVP-N": ({ShortEdge(112)}, None)}
    for wrong in ({"shrink_examples": True}, {"shrink_examples": True, "shots": 1, "history": True}):
        with pytest.raises(UsageError, match="--shrink-examples belongs to --shots"):
            Settings(**wrong)


def recorded_examples() -> list[dict[str, Any]]:
    path = Path(__file__).parents[1] / "data" / "judge_and_examples.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return [record for record in records if record["kind"] == "icl" and not record["config"]["cot"]]


def asked_and_answered(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [
        (f"DATA/{message.picture.path.relative_to('DATA')}", reply.text)
        for message, reply in zip(messages[::2], messages[1::2], strict=True)
        if message.picture
    ]


@pytest.mark.parametrize("record", recorded_examples(), ids=lambda record: record["scenario"])
def test_examples_are_those_of_the_published_package(record: dict[str, Any]) -> None:
    scenario = get_scenario(record["scenario"])
    solved: Sample = scenario.sample.lenient(record["entry"])
    reduced = record["config"]["reduce_icl_steps"] and scenario is MVPN
    asked = solved.model_copy(update={"answer": "Other.", "image_template": "other/{image}.png"})
    others = [solved] * (3 if reduced else 1)
    settings = Settings(shots=len(others), shrink_examples=reduced, hint=record["config"]["hint"])
    frames = Frames.shown_by(Path("DATA"), [(scenario, [solved])])
    drawn = []
    for number in range(20):  # for ROD either direction may be drawn
        messages = examples_for(asked.model_copy(update={"id": number}), others, settings, frames)
        drawn.append(asked_and_answered(messages[: len(messages) // len(others)]))
    steps = [(step["image_path"], step["generated_answer"]) for step in record["steps"]]
    assert steps in drawn
