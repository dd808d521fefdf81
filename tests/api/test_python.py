"""The way in for Python: what is offered, in scripts and where an event loop runs already."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

import proactivebench as pb
from cli import main
from proactivebench import api
from proactivebench.errors import UsageError
from proactivebench.evaluation.run_log import METRICS
from proactivebench.models.base import Picture
from tests.support.processes import ROOT, run

Result = TypeVar("Result")


def in_a_notebook(work: Callable[[], Result]) -> Result:
    """What work gives in a cell, where an event loop is running."""

    async def cell() -> Result:
        return work()

    return asyncio.run(cell())


@pytest.fixture(scope="module")
def data(small_runs: Path) -> pb.Benchmark:
    return pb.open_benchmark(small_runs / "data")


class Fussy(pb.Model):
    """Answers on the event loop and in the thread of its first request alone, as connections do; and until closed."""

    def __init__(self) -> None:
        self.home: tuple[object, object] | None = None
        self.closed = False

    def identity(self) -> Mapping[str, object]:
        return {"model": "fussy"}

    async def reply(self, request: pb.Request) -> str:
        here = asyncio.get_running_loop(), threading.current_thread()
        self.home = self.home or here
        assert here == self.home and not self.closed
        assert isinstance(request.messages[-1].picture, Picture)
        return "A"

    async def close(self) -> None:
        self.closed = True


def test_importing_the_package_loads_nothing_and_offers_everything() -> None:
    code = "import sys; before = set(sys.modules); import proactivebench as pb; print(*(set(sys.modules) - before))"
    done = run(["python", "-c", f"{code}; print(set(pb.__all__) <= set(dir(pb)))"], variables={"PYTHONPATH": str(ROOT)})
    assert done.stdout.split("\n")[:2] == ["proactivebench", "True"]
    assert set(pb.__all__) - {"__version__"} == set(api.__all__)
    assert all(getattr(pb, name) is getattr(api, name) for name in api.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'evalute'"):
        _ = pb.evalute  # type: ignore[attr-defined]  # type checkers find it, too


def test_one_model_plays_several_runs_in_a_notebook_and_in_a_script(data: pb.Benchmark, tmp_path: Path) -> None:
    model = Fussy()
    first = in_a_notebook(lambda: pb.evaluate(model, data, tmp_path / "first"))
    hint = pb.evaluate(model, data, tmp_path / "hint", settings=pb.Settings(hint=True), progress=False)
    assert [one.scores[0]["n"] for one in (first, hint)] == [6, 6]
    assert hint.settings.hint and not model.closed
    assert first.metrics == json.loads((tmp_path / "first" / METRICS).read_text())


def test_a_run_is_the_one_of_the_command(data: pb.Benchmark, small_runs: Path, tmp_path: Path) -> None:
    mine = in_a_notebook(lambda: pb.evaluate("scripted:guess", data, tmp_path / "run", progress=False))
    theirs = pb.load_run(small_runs / "guess")
    assert mine.metrics == theirs.metrics
    assert (mine.turns, mine.episodes, mine.samples) == (theirs.turns, theirs.episodes, theirs.samples)


def test_tables_are_plain_and_agree_with_the_scores(small_runs: Path) -> None:
    found = pb.load_run(small_runs / "ask")
    frame = found.episodes.to_pandas()
    [scores] = found.scores
    assert frame["correct"].mean() == pytest.approx(scores["acc"])
    assert frame["suggestions"].mean() == pytest.approx(scores["psr"])
    assert len(found.turns) == len(found.episodes) + frame["suggestions"].sum()
    assert type(found.turns[0]) is dict and json.loads(json.dumps(found.turns[0]))["kind"] == "suggestion"
    assert len(found.samples) == 6 and set(frame["answer"]) == {sample["answer"] for sample in found.samples}
    assert [one["difference"] for one in pb.compare(found, small_runs / "ask")] == [0, 0]


def test_a_part_and_a_control_say_so(data: pb.Benchmark, tmp_path: Path) -> None:
    settings = pb.Settings(limit=4, control="blank")
    part = pb.evaluate("scripted:ask", data, tmp_path / "part", settings=settings, progress=False)
    for shown in (part.scores.caption, pb.compare(part, part).caption):
        assert "4 of 6 samples of QD; control blank" in shown
    assert "4 of 6 samples of QD" in (pb.table(part)._repr_html_() or "").partition("</caption>")[0]


def test_rows_of_the_paper_say_so(small_runs: Path) -> None:
    assert "GPT-4.1 (paper)" in (pb.table(pb.load_run(small_runs / "ask"), paper=True)._repr_html_() or "")


def test_a_game_is_played_as_a_model_plays_it(data: pb.Benchmark) -> None:
    sample = next(sample for sample in data if len(sample.frames) > 2)
    game = sample.play()
    first = game.picture
    [more] = game.right - {sample.answer}
    game.answer(more)
    assert game.picture.tobytes() != first.tobytes()
    assert sample.frames[1].tobytes() == game.picture.tobytes()
    letter = "ABCDEFGH"[game.options.index(sample.answer)]
    assert game.answer(f"<think>A, or B.</think>{letter}").correct and game.done
    assert [verdict.kind for verdict in game.verdicts] == ["suggestion", "category"]
    with pytest.raises(UsageError, match="has ended"):
        game.answer("A")


def test_what_a_notebook_shows_needs_nothing_from_outside(data: pb.Benchmark, small_runs: Path) -> None:
    found = pb.load_run(small_runs / "ask")
    sample = data.sample("quickdraw", 1)
    episode = found.episode("QD", 1)
    shown = [
        data._repr_html_(),
        sample._repr_html_(),
        sample.play()._repr_html_(),
        found._repr_html_(),
        episode._repr_html_(),
        found.turns._repr_html_(),
        pb.plot("acc_psr", found, paper=True)._repr_html_(),
        pb.table(found)._repr_html_(),
    ]
    assert all(text and "http" not in text.replace("http://www.w3.org", "") for text in shown)
    assert (shown[1] or "").count("data:image/webp") == len(sample.frames)
    assert (shown[4] or "").count("<figure") == len(episode.record.turns)
    assert sample.answer in (shown[1] or "") and "✓" not in (shown[2] or "✓"), "who plays sees no solution"


def test_text_from_outside_stays_text() -> None:
    rows = pb.Rows([{"reply": "<script>alert(1)</script>"}], caption="<b>")
    assert "<script" not in (rows._repr_html_() or "<script") and "&lt;b&gt;" in (rows._repr_html_() or "")


def test_a_plot_and_a_table_are_those_of_the_commands(small_runs: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    runs = [pb.load_run(small_runs / name) for name in ("ask", "guess")]
    pb.plot("actions", *runs).save(tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_bytes().startswith(b"<?xml")
    printed = CliRunner().invoke(main, ["table", *(str(one.folder) for one in runs), "--name", f"{runs[0].folder}=Ask"])
    assert pb.table(*runs, names={runs[0].folder: "Ask"}).to_latex() == printed.output


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda data, folder: data.sample("QD", 99), "has no QD sample 99"),
        (lambda data, folder: pb.load_run(folder), "is not a run"),
        (
            lambda data, folder: pb.build("qd", folder, per_class=1),
            "no option per_class of QD. There are: seed, per_cat",
        ),
        (lambda data, folder: pb.load_model("scripted:ask", devise="cpu"), "no option devise of models. There are: b"),
        (
            lambda data, folder: pb.plot("acc", pb.load_run(data.folder.parent / "ask")),
            "no plot 'acc'. There are: acc_psr",
        ),
        (lambda data, folder: pb.plot("open_ended", pb.load_run(data.folder.parent / "ask")), "nothing that the plot"),
        (lambda data, folder: pb.load_run(data.folder.parent / "ask").episode("QD", 99), "no episode QD 99"),
        (lambda data, folder: pb.evaluate(Fussy(), data, folder, judge="scripted:oracle"), "both loaded, or both by"),
    ],
)
def test_mistakes_are_said(data: pb.Benchmark, tmp_path: Path, call: Callable[..., object], said: str) -> None:
    with pytest.raises(pb.ProactiveBenchError, match=said):
        call(data, tmp_path)


def test_an_interrupt_ends_the_work_first(request: pytest.FixtureRequest) -> None:
    from proactivebench.evaluation.concurrency import run_through

    ended: list[str] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background ignores it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    async def work() -> None:
        try:
            await asyncio.sleep(0.3)  # by now the caller waits
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            await asyncio.sleep(60)
        finally:
            ended.append("work")

    with pytest.raises(KeyboardInterrupt):
        run_through(work(), lasting=True)
    assert ended == ["work"]
