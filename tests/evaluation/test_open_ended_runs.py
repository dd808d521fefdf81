"""Free replies: played, then judged, or judged in every turn."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

import cli
from commands.terminal import metrics_table
from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import judge_run, read_judgements
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.models.base import Refusal, Reply, ReplyError, Request
from proactivebench.models.scripted import MatchingJudge, ScriptedModel
from proactivebench.scenarios import QD
from tests.support.all_scenarios import Answering, four_samples_each, play
from tests.support.example_samples import ENTRIES


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    return four_samples_each(tmp_path / "data")


def test_free_replies_are_judged_as_a_step_of_their_own(benchmark: Benchmark, tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        assert request.environment is not None
        assert "Options" not in request.messages[-1].text
        return {0: "A cat, I think", 1: "please add more details to the drawing!", 2: "no idea", 3: "Hot dog"}[
            request.environment.sample.id
        ]

    run = tmp_path / "run"
    metrics = play(benchmark, Answering(answer), run, [QD], mode="oeg")
    assert metrics["scenarios"]["QD"] == {"n": 4, "errors": 0, "errors_by_kind": {}, "refused": 0, "cut": 0}
    metrics = judge_run(run, Judge(MatchingJudge()))
    scores = metrics["scenarios"]["QD"]
    assert [scores[name] for name in ("judged", "cc", "ps", "agg")] == [4, 0.5, 0.25, 0.75]
    assert metrics["average"]["agg"] == 0.75
    assert json.loads((run / "metrics.json").read_text()) == metrics
    with pytest.raises(UsageError, match=r"other settings: other instructions\.sha256.*Delete .*judge to judge anew"):
        judge_run(run, Judge(MatchingJudge(), "Be kind."))
    with pytest.raises(UsageError, match="run of mode mcqa"):
        play(benchmark, ScriptedModel("guess"), tmp_path / "mcqa")
        judge_run(tmp_path / "mcqa", Judge(MatchingJudge()))


def test_unusable_judgements_are_errors_and_owed_again(benchmark: Benchmark, tmp_path: Path) -> None:
    run = tmp_path / "run"
    play(benchmark, Answering(lambda request: "A cat"), run, [QD], mode="oeg")
    outputs = iter(["<think>hm 0,1", "I would say yes", "1, 0, 1", "<think>1,1,1,1</think>\n0, 1"])
    with pytest.raises(ProactiveBenchError, match=r"3 of 4 judgements failed.*--max-errors.*sample 0: The judge did"):
        judge_run(run, Judge(Answering(lambda request: next(outputs))))
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["scenarios"]["QD"]["judge_errors"] == 3
    assert metrics["scenarios"]["QD"]["cc"] == metrics["average"]["cc"] == 1.0
    for scores in (metrics["scenarios"]["QD"], metrics["average"]):
        published = scores["published_reading"]
        assert [published[name] for name in ("cc", "ps", "agg")] == [0.25, 0, 0.25]
    assert metrics["scenarios"]["QD"]["judge_unreadable"] == 3
    assert metrics["scenarios"]["QD"]["published_reading"]["judged"] == 4
    printed = io.StringIO()
    console = Console(file=printed, width=200)
    metrics_table({"run": metrics}, console, "some data")
    said = printed.getvalue()
    assert "run: 3 outputs of the judge could not be read and are left out above. With the published reading" in said
    assert "QD: cc % 25.0" in said
    failures = {reply.error.message[:22] for reply in read_judgements(run) if reply.error}
    assert failures == {"The judge did not fini", "The judge's output mus"}
    outputs = iter(["no idea", "0, 0", "0, 0"])
    metrics = judge_run(run, Judge(Answering(lambda request: next(outputs))), max_errors=0.25)
    assert metrics["scenarios"]["QD"]["judge_errors"] == 1
    metrics = judge_run(run, Judge(Answering(lambda request: "0, 0")), max_errors=0)
    assert metrics["scenarios"]["QD"]["judge_errors"] == 0
    assert metrics["scenarios"]["QD"]["cc"] == 0.25


def test_what_a_judge_declines_to_say_is_unreadable_and_what_was_withheld_is_not(
    benchmark: Benchmark, tmp_path: Path
) -> None:
    play(benchmark, Answering(lambda request: "A cat"), tmp_path / "run", [QD], mode="oeg")
    outputs = iter([Refusal("I will not judge."), Refusal(""), "1, 1", "0, 1"])
    scores = judge_run(tmp_path / "run", Judge(Answering(lambda request: next(outputs))), max_errors=1)["average"]
    assert (scores["cc"], scores["published_reading"]["cc"]) == (1, pytest.approx(2 / 3))


def test_a_judgement_counts_for_the_reply_that_was_judged_alone(benchmark: Benchmark, tmp_path: Path) -> None:
    run = tmp_path / "run"
    said = iter(["A banana"] * 4 + ["no idea"])

    def answer(request: Request) -> str:
        return next(said)

    play(benchmark, Answering(answer), run, [QD], mode="oeg")
    before = judge_run(run, Judge(MatchingJudge()))["scenarios"]["QD"]
    lines = (run / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    right = next(line for line in lines if json.loads(line)["answer"] == "Banana.")
    (run / "episodes.jsonl").write_bytes(b"".join([*[line for line in lines if line != right], right[:-9] + b"\n"]))
    played = play(benchmark, Answering(answer), run, [QD], mode="oeg")["scenarios"]["QD"]
    assert (before["judged"], before["cc"], played["judged"], played["cc"]) == (4, 0.25, 3, 0)
    after = judge_run(run, Judge(MatchingJudge()))["scenarios"]["QD"]
    assert (after["judged"], after["cc"]) == (4, 0)
    (run / "metrics.json").unlink()
    with pytest.raises(UsageError, match="was not played to its end; repeat its evaluate command"):
        judge_run(run, Judge(MatchingJudge()))


def test_a_run_that_errors_ended_early_is_not_judged(benchmark: Benchmark, tmp_path: Path) -> None:
    def fail(request: Request) -> str:
        raise ReplyError("the line went dead")

    with pytest.raises(ProactiveBenchError, match="ended with an error"):
        play(benchmark, Sequential(fail), tmp_path / "run", [QD], mode="oeg")
    assert len(list(read_episodes(tmp_path / "run"))) < 4
    assert not (tmp_path / "run" / "metrics.json").exists()
    play(benchmark, Answering(lambda request: "A cat"), tmp_path / "run", [QD], mode="oeg")
    path = tmp_path / "run" / "episodes.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))  # killed while it was played again
    with pytest.raises(UsageError, match="was not played to its end"):
        judge_run(tmp_path / "run", Judge(MatchingJudge()))


class Sequential(Answering):
    """Plays one episode after the other."""

    concurrency = 1


def test_another_judge_than_the_one_that_was_asked_is_named(benchmark: Benchmark, tmp_path: Path) -> None:
    run = tmp_path / "run"
    play(benchmark, Answering(lambda request: "A cat"), run, [QD], mode="oeg")
    judges = iter([None, "small", None, "small"])
    metrics = judge_run(run, Judge(Answering(lambda request: Reply("0, 0", next(judges)))))
    assert metrics["judge_answered_by"] == {"small": 2}
    assert sorted(str(judged.answered_by) for judged in read_judgements(run)) == ["None", "None", "small", "small"]
    metrics_table({"run": metrics}, Console(file=(out := io.StringIO()), width=200), "data")
    assert "run: the judge's server says who answered: small (2 replies)." in out.getvalue()


def test_instructions_replace_both_texts(benchmark: Benchmark, tmp_path: Path) -> None:
    run = tmp_path / "run"
    play(benchmark, Answering(lambda request: "{correct_answers} {x}"), run, [QD], mode="oeg", samples={"QD": (0,)})
    asked = []

    def answer(request: Request) -> str:
        asked.append([(message.role, message.text) for message in request.messages])
        return "0, 0"

    def judge_with(text: str) -> None:
        shutil.rmtree(run / "judge", ignore_errors=True)
        judge_run(run, Judge(Answering(answer), text))

    ending = "\n=== user ===\n{user_prompt}|{correct_answers}|{generated_answer}|{y}\n"
    judge_with("Be kind." + ending)
    judge_with(ending.lstrip())
    judge_with("Be brief.")
    (system, user), (alone,), (brief, usual) = asked
    assert system == ("system", "Be kind.")
    assert user == alone
    assert user[0] == "user"
    assert user[1].endswith("|1. Add more details to the drawing\n2. Cat|{correct_answers} {x}|{y}\n")
    assert brief == ("system", "Be brief.")
    assert "\n\nReply to judge:\n{correct_answers} {x}" in usual[1]
    with pytest.raises(UsageError, match=r"instructions\.sha256"):
        judge_run(run, Judge(Answering(answer), "Be brief." + ending))
    with pytest.raises(UsageError, match=r"must show {correct_answers} and {generated_answer} below `=== user ===`"):
        Judge(Answering(answer), "Hm.\n=== user ===\n{generated_answer}")
    with pytest.raises(UsageError, match=r"{generated_answer} in the judge's instructions belongs below a line"):
        Judge(Answering(answer), "Judge {generated_answer}.")
    shutil.rmtree(run / "judge")
    with pytest.raises(UsageError, match="scripted:match reads our own question alone"):
        judge_run(run, Judge(MatchingJudge(), ending.lstrip()))


@pytest.mark.parametrize("description", ["[]", "{", '{"settings": 1}'])
def test_what_is_no_run_is_not_judged(tmp_path: Path, description: str) -> None:
    (tmp_path / "run.json").write_text(description)
    with pytest.raises(UsageError, match="is not a run"):
        judge_run(tmp_path, Judge(MatchingJudge()))


def test_free_replies_over_several_turns(benchmark: Benchmark, tmp_path: Path) -> None:
    said = {
        "ROD": ["Move the blocks", "banana"],
        "VSOD": ["rewind the video", "wait for the occlusion to disappear", "banana"],
        "MVP-N": ["move the camera", "banana"],
        "IN-C": ["increase the resolution", "increase the resolution", "banana"],
        "QD": ["add more details to the drawing", "no idea"],
        "CIT": ["Wait for the object to show", "banana"],
        "COCO": ["move farther from the object", "move the camera", "banana"],
    }

    def answer(request: Request) -> str:
        environment = request.environment
        assert environment is not None
        return said[environment.scenario.name][environment.turn]

    judge = Judge(MatchingJudge())
    samples = dict.fromkeys(ENTRIES, (2,))
    metrics = play(benchmark, Answering(answer), tmp_path / "run", mode="oeg-multi", judge=judge, samples=samples)
    for name, replies in said.items():
        scores = metrics["scenarios"][name]
        assert (scores["acc"], scores["psr"]) == (0 if name == "QD" else 1, len(replies) - 1), name
    episode = next(e for e in read_episodes(tmp_path / "run") if e.scenario == "COCO")
    assert episode.turns[0].reply == "move farther from the object"
    assert episode.turns[0].chosen in ("Move the camera up.", "Move the camera to the left.")
    assert episode.turns[0].judge == "0, 1, 0"
    with pytest.raises(UsageError, match="needs a judge"):
        play(benchmark, Answering(answer), tmp_path / "other", mode="oeg-multi")


def test_the_oracle_speaks_freely_too(benchmark: Benchmark, tmp_path: Path) -> None:
    judge = Judge(MatchingJudge())
    metrics = play(benchmark, ScriptedModel("oracle"), tmp_path / "multi", mode="oeg-multi", judge=judge)
    accuracy = {name: scores["acc"] for name, scores in metrics["scenarios"].items()}
    assert accuracy.pop("ROD") > 0, "moving the camera may lead the longer way round"
    assert set(accuracy.values()) == {1.0}
    play(benchmark, ScriptedModel("oracle"), tmp_path / "single", mode="oeg")
    judged = judge_run(tmp_path / "single", judge)
    assert judged["average"]["agg"] == judged["average"]["ps"] == 1.0


def test_the_terminal_speaks_of_scores_when_there_are_some(benchmark: Benchmark, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    command = ["evaluate", "--model", "scripted:ask", "--data", str(benchmark.folder), "--out", run]
    played = CliRunner().invoke(cli.main, [*command, "--mode", "oeg", "--no-filter"])
    assert played.exit_code == 0
    assert "at most 100 samples of each scenario" in played.stderr
    assert f"judge {run} --judge MODEL" in played.stderr
    assert "scores" not in played.output
    assert "average" not in played.output
    judged = CliRunner().invoke(cli.main, ["judge", run, "--judge", "scripted:match"])
    assert judged.exit_code == 0
    assert f"{run}/metrics.json" in judged.stderr
    assert "average of 7" in judged.stdout
