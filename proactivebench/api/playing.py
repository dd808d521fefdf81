"""Models and runs: load one, let it play, in scripts and in notebooks alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from proactivebench import benchmark
from proactivebench.api.benchmarks import open_benchmark
from proactivebench.api.runs import Run, load_run
from proactivebench.errors import UsageError
from proactivebench.evaluation import engine
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.watcher import UNWATCHED, Watcher
from proactivebench.models import load
from proactivebench.models.base import Model
from proactivebench.models.own import OwnModel

_OPTIONS = [field.name for field in fields(load.ModelOptions)]


def load_model(spec: str, **options: Any) -> Model:
    """Loads a model, which may then play any number of runs.

    Args:
        spec: As after `--model`: `hf:ID_OR_FOLDER`, `openai:NAME`, `scripted:NAME`, `module:Class` ...
        options: What the command takes as options, with underscores: `device="cuda:1"`, `base_url=...`; all are
            described at `proactivebench.models.load.ModelOptions`.

    Raises:
        UsageError: There is no such model, what it needs is not installed, or an option does not fit.
    """
    if strange := sorted(options.keys() - set(_OPTIONS)):
        raise UsageError(f"There is no option {strange[0]} of models. There are: {', '.join(_OPTIONS)}.")
    return load.load_model(spec, load.ModelOptions(**options))


class _Bar(Watcher[Episode]):
    """A line that shows how far a run is; also where output is not a terminal, as in a notebook."""

    def begin(self, total: int, done: int) -> None:
        self._bar = tqdm(total=total, initial=done, unit="episode", leave=False)

    def count(self, finished: Episode) -> None:
        self._bar.update()
        if self._bar.n >= (self._bar.total or 0):
            self._bar.close()


def evaluate(
    model: Model | str,
    data: benchmark.Benchmark | str | Path,
    out: str | Path,
    *,
    settings: Settings | None = None,
    scenarios: Sequence[str] = (),
    judge: Model | str | None = None,
    max_errors: float = 0.1,
    progress: bool = True,
) -> Run:
    """Lets a model play a benchmark, or continues an interrupted run; works where an event loop runs already.

    Args:
        model: The model, one of a class of your own too, which stays open for further runs; or what stands after
            `--model`, which is closed at the end.
        data: The benchmark, or what `open_benchmark` takes.
        out: The run's folder. One that holds the same run, finished or not, is continued.
        settings: How to play; by default multiple choice, as in the paper.
        scenarios: Names of the scenarios to play; by default all that are there.
        judge: Who reads the replies, in the same forms as the model; for mode `oeg-multi` alone.
        max_errors: Share of all episodes, 0 to 1, that may end with an error.
        progress: Show a line that says how far it is.

    Raises:
        UsageError: The folder holds another run, or something cannot be meant.
        ResumableError: More episodes failed than allowed; the same call continues.
    """
    if not isinstance(data, benchmark.Benchmark):
        data = open_benchmark(data, scenarios=tuple(scenarios))
    chosen = settings or Settings()
    loaded = [one for one in (model, judge) if isinstance(one, Model)]
    if loaded and any(isinstance(one, str) for one in (model, judge)):
        raise UsageError("Give the model and its judge in the same form: both loaded, or both by name.")
    engine.evaluate(
        data,
        data.chosen(scenarios),
        partial(_model, model, chosen.open_ended),
        chosen,
        Path(out),
        judge=None if judge is None else lambda: Judge(_model(judge, True)),
        max_errors=max_errors,
        watcher=_Bar() if progress else UNWATCHED,
        keep_open=bool(loaded),
    )
    return load_run(out, data=data.folder)


def _model(model: Model | str, open_ended: bool) -> Model:
    if isinstance(model, str):
        return load.load_model(model, load.ModelOptions(open_ended=open_ended))
    return model if type(model).__module__.startswith("proactivebench.") else OwnModel(model)
