"""The task of inspect_ai, with its own stand-in for a provider (`mockllm`)."""

from __future__ import annotations

import json
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="inspect-ai does not install beside the pinned versions: make test-inspect")

from click.testing import CliRunner
from inspect_ai import eval as run_task
from inspect_ai.model import ChatMessageAssistant, ModelOutput, ModelUsage, get_model
from inspect_ai.model._model_output import ChatCompletionChoice

from cli import main
from proactivebench.errors import UsageError
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.harnesses.inspect_log import import_log
from proactivebench.harnesses.inspect_task import proactivebench
from proactivebench.open_ended import judged_texts
from tests.support import seeing
from tests.support.processes import ROOT, run

CHOOSES, DRAWS = (50, 0), (32768, None)
"""Tokens and temperature with which `evaluate` asks for a choice, and for a free reply."""


def model(answer: Callable[[list[Any]], str], asked: tuple[int, int | None] | None = CHOOSES) -> Any:
    def reply(messages: Any, tools: object, choice: object, config: Any) -> ModelOutput:
        assert asked in (None, (config.max_tokens, config.temperature))
        choices = [ChatCompletionChoice(message=ChatMessageAssistant(content=answer(messages)), stop_reason="stop")]
        return ModelOutput(model="model", choices=choices, usage=ModelUsage())

    return get_model("mockllm/model", custom_outputs=reply)


def see(messages: list[Any]) -> str:
    picture, text = messages[-1].content
    earlier = sum(message.role == "assistant" for message in messages)
    return seeing.answer(text.text, seeing.from_uri(picture.image), earlier)


def play(folder: Path, answer: Callable[[list[Any]], str] = see, epochs: int = 1, **settings: Any) -> Any:
    task = proactivebench(data=str(folder / "data"), **settings)
    [log] = run_task(task, model=model(answer), log_dir=str(folder / "logs"), epochs=epochs, display="none")
    return log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspect")
    seeing.play_seeing(seeing.build_seen(folder / "data"), folder / "run")
    return folder


def without_tokens(value: Any) -> Any:
    """A value of JSON without what Inspect's stand-in for a model says of the tokens of its replies; ours has none."""
    if isinstance(value, dict):
        return {name: without_tokens(part) for name, part in value.items() if not name.startswith("tokens")}
    return [without_tokens(part) for part in value] if isinstance(value, list) else value


def records_of(run: Path) -> list[str]:
    records = map(json.loads, (run / "episodes.jsonl").read_bytes().splitlines())
    return sorted(json.dumps(without_tokens(record)) for record in records)


def test_the_scores_are_those_of_evaluate(folder: Path) -> None:
    log = play(folder)
    assert log.status == "success", log.error
    theirs = {one.id: one.scores["accuracy_and_suggestions"].value for one in log.samples}
    assert theirs == seeing.scores_of(folder / "run")
    ours = json.loads((folder / "run" / "metrics.json").read_bytes())
    for score in log.results.scores:
        numbers = {name.removeprefix("by_scenario_"): metric.value for name, metric in score.metrics.items()}
        for name, scores in {**ours["scenarios"], "average": ours["average"]}.items():
            assert numbers[name] == pytest.approx(scores[score.name])
            assert numbers.get(f"{name}_se") == pytest.approx(scores[f"{score.name}_se"])
    imported = CliRunner().invoke(main, ["import-inspect", log.location, "--out", str(folder / "imported")])
    assert imported.exit_code == 0, imported.output
    assert without_tokens(json.loads((folder / "imported" / "metrics.json").read_bytes())) == ours
    assert records_of(folder / "imported") == records_of(folder / "run")
    described = [json.loads((folder / run / "run.json").read_bytes()) for run in ("run", "imported")]
    model = described[1].pop("model")
    assert (model["model"], model["request"]) == ("inspect:mockllm/model", {"max_tokens": 50, "temperature": 0})
    assert {name: value for name, value in described[0].items() if name not in ("model", "machines")} == described[1]


@pytest.mark.parametrize("settings", [{"history": True}, {"mode": "reference"}])
def test_other_settings_have_the_records_of_evaluate(folder: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    run = seeing.play_seeing(folder / "data", tmp_path / "run", **settings)
    import_log(Path(play(folder, **settings).location), tmp_path / "imported")
    assert records_of(tmp_path / "imported") == records_of(run)


def test_a_limit_of_turns_is_that_of_the_longest_episode_and_a_lower_one_makes_errors(folder: Path) -> None:
    longest = max(episode.max_turns for episode in read_episodes(folder / "run"))
    task = proactivebench(data=str(folder / "data"))
    assert task.turn_limit == longest
    [log] = run_task(
        task, model=model(see), turn_limit=1, fail_on_error=1.0, log_dir=str(folder / "logs"), display="none"
    )
    took = {f"{one.scenario}/{one.id}": len(one.turns) for one in read_episodes(folder / "run")}
    assert {one.id for one in log.samples if one.error} == {name for name, turns in took.items() if turns > 1}
    assert all("a limit of Inspect's ended the episode" in one.error.message for one in log.samples if one.error)


def test_a_failed_sample_is_an_error_and_epochs_are_repeats(folder: Path) -> None:
    def fail(messages: list[Any]) -> str:
        if "cat" in messages[-1].text.lower() or len(messages) > 1:
            raise ValueError("no line")
        return see(messages)

    log = play(folder, fail, epochs=2, scenario="QD", limit=3)
    run = folder / "failed"
    import_log(Path(log.location), run)
    assert json.loads((run / "run.json").read_bytes())["settings"]["repeats"] == 2
    kinds = [episode.error.kind if episode.error else "" for episode in read_episodes(run)]
    assert len(kinds) == 6 and (run / "metrics.json").exists()
    assert set(kinds) <= {"", "inspect"} and "inspect" in kinds


def test_the_log_of_a_part_is_not_a_finished_run(folder: Path) -> None:
    task = proactivebench(data=str(folder / "data"), scenario="QD")
    [log] = run_task(task, model=model(see), log_dir=str(folder / "logs"), limit=2, display="none")
    assert import_log(Path(log.location), folder / "part")["scenarios"]["QD"]["n"] == 2
    assert not (folder / "part" / "metrics.json").exists()


def test_history_and_a_reference_frame(folder: Path) -> None:
    seen: list[int] = []

    def count(messages: list[Any]) -> str:
        seen.append(len(messages))
        return "A"

    play(folder, count, scenario=["rod"], history=True)
    assert seen[:3] == [1, 3, 5]
    log = play(folder, lambda messages: "A", scenario="rod", mode="reference")
    assert log.samples[0].scores["accuracy_and_suggestions"].value["psr"] == 0


@pytest.mark.parametrize(("mode", "scorer"), [("oeg", "free_replies"), ("oeg-multi", "accuracy_and_suggestions")])
def test_free_replies_are_judged_by_the_grader(folder: Path, mode: str, scorer: str) -> None:
    def judge(messages: list[Any]) -> str:
        valid, _ = judged_texts(messages[-1].text)
        return ", ".join(["1", *["0"] * (len(valid) - 1)])

    grader = model(judge, asked=None)
    task = proactivebench(data=str(folder / "data"), mode=mode, scenario="rod")
    [log] = run_task(
        task, model=model(lambda messages: "Move it away.", DRAWS), model_roles={"grader": grader},
        log_dir=str(folder / "logs"), display="none",
    )  # fmt: skip
    assert log.status == "success", log.error
    value = log.samples[0].scores[scorer].value
    assert value == ({"agg": 1, "cc": 0, "ps": 1} if mode == "oeg" else {"acc": 0, "psr": 13})
    metrics = import_log(Path(log.location), folder / mode)
    assert metrics["average"]["agg" if mode == "oeg" else "psr"] == value["agg" if mode == "oeg" else "psr"]


def test_a_log_of_another_task_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text("{}")
    with pytest.raises(UsageError, match="is not a log of inspect_ai"):
        import_log(tmp_path / "log.json", tmp_path / "run")


FROM_WHEEL = """
from inspect_ai import eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model

output = ModelOutput.from_content("model", "A")
output.usage = ModelUsage()
model = get_model("mockllm/model", custom_outputs=[output] * 20)
given = {"data": "DATA", "scenario": "rod"}
[log] = eval("proactivebench/proactivebench", model=model, task_args=given, display="none")
print(log.status, log.eval.task)
"""


def test_a_wheel_brings_the_task_by_name(folder: Path, tmp_path: Path) -> None:
    hatchling = pytest.importorskip("hatchling.builders.wheel")
    [wheel] = hatchling.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    venv.create(tmp_path / "venv", symlinks=True)
    [place] = tmp_path.joinpath("venv", "lib").glob("python*/site-packages")
    place.joinpath("ours.pth").write_text(sysconfig.get_paths()["purelib"])
    zipfile.ZipFile(wheel).extractall(place)
    code = FROM_WHEEL.replace("DATA", str(folder / "data"))
    done = run([str(tmp_path / "venv" / "bin" / "python"), "-c", code], cwd=tmp_path)
    assert done.stdout.splitlines()[-1:] == ["success proactivebench/proactivebench"], done.stderr
