"""A conformance test for a scenario, for the test suite of its author: `conform(builder, folder)`.

The scenario is built by one process, by two, and by one that is stopped in between, which must give the same bytes.
What was built is checked, played by every scripted model, continued after a kill, packed, and pulled again, all without
a network. The first thing that is wrong is an `AssertionError` that says what. A scenario need not be installed: it is
known for as long as the test takes.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest import mock

from rich.progress import Progress

from builders.base import Builder, Frame, PlannedSample
from builders.hub.build import Build
from builders.hub.package import package
from builders.hub.pull import pull_snapshot
from builders.hub.remote import Snapshot, Stored, sha256
from builders.pipeline.build import build
from proactivebench.benchmark import Benchmark
from proactivebench.checking import check_benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import judge_run
from proactivebench.evaluation.run_log import METRICS, read_episodes
from proactivebench.evaluation.selfcheck import copy_killed
from proactivebench.evaluation.settings import Settings
from proactivebench.models.scripted import SCRIPTED, MatchingJudge, ScriptedModel
from proactivebench.open_ended import judge_instructions
from proactivebench.scenarios import SCENARIOS, Scenario
from proactivebench.work.quiet import QUIET
from raw_sources.plugins import using


def conform(builder: Builder[Any, Any], folder: Path) -> None:
    """Takes a scenario the whole way from its raw data to a pulled benchmark.

    Args:
        builder: Of the scenario, with raw data of at least two samples; made-up raw data will do.
        folder: An empty folder for everything that is made; pytest's `tmp_path`.

    Raises:
        PluginError: The scenario is not installed, and its package does not bring it as a plug-in.
        AssertionError: Something is not as it must be; the text says what.
        ProactiveBenchError: A step could not be done at all.
        SourceError: The raw data cannot be used.
    """
    scenario = builder.scenario
    with using(_plugin(builder)):
        data = _build(builder, folder)
        _check(data)
        _play(data, scenario, folder / "runs")
        _continue(data, scenario, folder / "runs")
        _pull(data, folder / "pulled")


def _plugin(builder: Builder[Any, Any]) -> list[Path]:
    """What to name as a plug-in, so that a scenario is known: the file or package of its builder, if any."""
    if builder.scenario in SCENARIOS.values():
        return []
    file = Path(str(sys.modules[type(builder).__module__.partition(".")[0]].__file__))
    return [file.parent if file.name == "__init__.py" else file]


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def _content(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of every file, without the locks and journals that begin with a dot."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _require_same(expected: Mapping[str, bytes], found: Mapping[str, bytes], what: str) -> None:
    different = sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
    _require(not different, f"{what}: {len(different)} files differ, first {different[:1]}.")


def _build(builder: Builder[Any, Any], folder: Path) -> Path:
    """Builds in three ways and returns the folder of the first."""
    build(builder, folder / "built by 1")
    with mock.patch("builders.pipeline.workers.WAIT_FOR_ALL", True):
        build(builder, folder / "built by 2", workers=2)
    data = folder / "built by 1"
    _require_same(_content(data), _content(folder / "built by 2"), "Two processes do not build what one builds")
    stopped = folder / "stopped"
    with mock.patch.object(type(builder), "render", _stopping(builder)), suppress(KeyboardInterrupt):
        build(builder, stopped)
    _require(
        not any(stopped.rglob("*.jsonl")),
        "There is one sample alone. Give raw data of two, so that a build can be stopped between them.",
    )
    build(builder, stopped)
    _require_same(_content(data), _content(stopped), "A build that was stopped and continued gives something else")
    return data


def _stopping(builder: Builder[Any, Any]) -> Any:
    """A `render` that is interrupted when it is called for the second time."""
    render = type(builder).render
    rendered: list[PlannedSample[Any]] = []

    def stopping(self: Builder[Any, Any], planned: PlannedSample[Any]) -> Iterator[Frame]:
        if rendered:
            raise KeyboardInterrupt
        rendered.append(planned)
        return render(self, planned)

    return stopping


def _check(data: Path) -> None:
    problems = check_benchmark(data, QUIET).problems
    _require(not problems, "check finds problems:\n" + "\n".join(problems))


def _play(data: Path, scenario: Scenario, runs: Path) -> None:
    """Plays all that needs no network; the oracle, who knows the way, must always arrive."""
    for name in SCRIPTED:
        if name != "match":
            scores = _evaluate(data, scenario, runs / name, name)
            _require(name != "oracle" or scores["acc"] == 1, f"scripted:oracle is right in {scores.get('acc')} of 1.")
    shown = _evaluate(data, scenario, runs / "reference", "oracle", mode="reference")["acc"]
    _require(shown == 1, f"With the reference frame, scripted:oracle is right in {shown} of 1.")
    _evaluate(data, scenario, runs / "free", "oracle", mode="oeg")
    judged = judge_run(runs / "free", Judge(MatchingJudge(), judge_instructions()))["scenarios"][scenario.name]["agg"]
    _require(judged == 1, f"Of the oracle's free replies {judged} of 1 are valid: see `open_suggestions`.")


def _evaluate(data: Path, scenario: Scenario, run: Path, model: str, **settings: Any) -> dict[str, Any]:
    """Plays, or continues to play; returns the scores of the scenario."""
    chosen = Settings.model_validate({"filtered": False, **settings})
    metrics = engine.evaluate(Benchmark.open(data), [scenario], ScriptedModel(model), chosen, run)
    return dict(metrics["scenarios"][scenario.name])


def _continue(data: Path, scenario: Scenario, runs: Path) -> None:
    whole, killed = runs / "random", runs / "killed"
    copy_killed(whole, killed)
    _evaluate(data, scenario, killed, "random")
    one, other = ({episode.key: episode for episode in read_episodes(run)} for run in (whole, killed))
    scores = [(run / METRICS).read_bytes() for run in (whole, killed)]
    _require(
        one == other and scores[0] == scores[1], "A run that was killed and continued gives other episodes or scores."
    )


@dataclass(frozen=True, slots=True)
class _Shelf(Snapshot):
    """A repository that is a folder."""

    folder: Path

    def fetch(self, path: str, folder: Path, progress: Progress) -> Path:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(self.folder / path, folder / path))


def _pull(data: Path, out: Path) -> None:
    built = _content(data)
    package(Build.open(data), QUIET)
    files = {path: Stored((data / path).stat().st_size, sha256(data / path), is_large=True) for path in _content(data)}
    shelf = _Shelf(cast("Any", None), "you/scenario", "0" * 40, is_private=False, files=files, folder=data)
    pull_snapshot(shelf, out, (), QUIET)
    pulled = {path: data for path, data in _content(out).items() if path in built}
    _require_same(built, pulled, "What is pulled is not what was built")
    _check(out)
