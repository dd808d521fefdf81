"""Runs as Python and notebooks see them: scores, episodes and turns as tables, single episodes, comparisons, plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proactivebench.api.html import as_html, data_uri
from proactivebench.api.rows import Rows
from proactivebench.errors import UsageError
from proactivebench.evaluation import comparison
from proactivebench.evaluation.measured import run_measured_on
from proactivebench.evaluation.metrics import PER_TURN
from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.when import measure_run
from proactivebench.reports import runs
from proactivebench.reports.endings import ending
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.scenarios import Action, get_scenario
from proactivebench.work.folder import shown

_SCORES = ("acc", "psr", "cost", "agg", "cc", "ps")


class Run:
    """A run, as far as it has been played; `load_run` and `evaluate` give one.

    Args:
        loaded: The run as reports read it.

    Attributes:
        loaded: The same.
    """

    def __init__(self, loaded: runs.Run):
        self.loaded = loaded

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.loaded.folder

    @property
    def model(self) -> str:
        """The model's name."""
        return self.loaded.model

    @property
    def settings(self) -> Settings:
        """How it was played."""
        return Settings.model_validate(self.loaded.identity["settings"])

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Everything that was measured, as `metrics.json` has it."""
        return self.loaded.metrics

    @property
    def records(self) -> tuple[Episode, ...]:
        """The episodes with all that is kept of them, in the order of the samples."""
        return self.loaded.in_order().episodes

    @property
    def scores(self) -> Rows:
        """A row per scenario, and the macro average of several: each score with its 95% interval.

        Shares lie between 0 and 1; `psr` counts suggestions per episode. Where it is known what replies took,
        `tokens_per_turn` and `seconds_per_turn` are means.
        """
        found = dict(self.metrics["scenarios"])
        if len(found) > 1:
            found["macro average"] = self.metrics["average"]
        names = [name for name in _SCORES if any(scores.get(name) is not None for scores in found.values())]
        took = [name for name in PER_TURN if any(name in scores for scores in found.values())]
        rows = []
        for scenario, scores in found.items():
            row: dict[str, Any] = {"scenario": scenario, "n": scores.get("n")}
            for name in names:
                low, high = scores.get(f"{name}_ci95") or (None, None)
                row |= {name: scores.get(name), f"{name}_low": low, f"{name}_high": high}
            rows.append(row | {name: scores.get(name) for name in took})
        about = ", ".join([self.model, *self.loaded.notes])
        return Rows(rows, f"{about}: measured on {run_measured_on(self.folder)}")

    @property
    def samples(self) -> Rows:
        """A row per sample that was played."""
        played = dict.fromkeys((one.scenario, one.id) for one in self.records)
        rows = [(name, self.loaded.samples[name, number]) for name, number in played]
        return Rows(
            {
                "scenario": name,
                "id": sample.id,
                "source": sample.source,
                "question": sample.prompt,
                "answer": sample.answer,
                "suggestions": list(sample.options),
                "categories": list(sample.categories),
            }
            for name, sample in rows
        )

    @property
    def episodes(self) -> Rows:
        """A row per episode; `named` is the category it ended with, None where it ended with another reply."""
        rows = []
        for one in self.records:
            last = one.turns[-1] if one.turns else None
            rows.append(
                {
                    **_key(one),
                    "answer": one.answer,
                    "named": last.chosen if last is not None and last.kind == "category" else None,
                    "correct": one.correct,
                    "suggestions": max(0, len(one.turns) - 1),
                    "ending": ending(one, self.loaded.judgements.get(one.key)).value,
                    "error": one.error.message if one.error else None,
                }
            )
        return Rows(rows)

    @property
    def turns(self) -> Rows:
        """A row per turn of every episode, from 0: what was shown and replied, and how that was read."""
        return Rows(
            {
                **_key(one),
                "turn": number,
                "frame": turn.frame_path,
                "prompt": self.loaded.texts.get(turn.prompt),
                "reply": str(turn.reply),
                "kind": turn.kind,
                "chosen": turn.chosen,
                "right": turn.category == "correct",
                "action": None if turn.action is Action.STOP else turn.action.words,
                "confidence": turn.confidence,
                "refused": turn.refused,
                "cut": turn.cut,
                "tokens": turn.tokens,
                "seconds": turn.seconds,
            }
            for one in self.records
            for number, turn in enumerate(one.turns)
        )

    def episode(self, scenario: str, number: int, repeat: int = 0) -> PlayedEpisode:
        """One episode, as the model saw it.

        Args:
            scenario: Name of the scenario.
            number: The sample's id.
            repeat: Which play of the sample, from 0.

        Raises:
            UsageError: It was not played.
        """
        key = get_scenario(scenario).name, number, repeat
        for place, one in enumerate(self.loaded.episodes):
            if one.key == key:
                return PlayedEpisode(self.loaded, place)
        raise UsageError(f"{self.folder} has no episode {key[0]} {number}, repeat {repeat}.")

    def __repr__(self) -> str:
        return f"<Run {self.loaded.name}: {len(self.loaded.episodes):,} episodes in {self.folder}>"

    def _repr_html_(self) -> str | None:
        return self.scores._repr_html_()


def _key(one: Episode) -> dict[str, Any]:
    return {"scenario": one.scenario, "id": one.id, "repeat": one.repeat}


class PlayedEpisode:
    """An episode of a run; a notebook shows every turn with its picture, the reply and how it was read.

    Args:
        run: The run as reports read it.
        place: Its place among the run's episodes.
    """

    def __init__(self, run: runs.Run, place: int):
        self._run = run
        self._place = place

    @property
    def record(self) -> Episode:
        """All that is kept of it."""
        return self._run.episodes[self._place]

    def __repr__(self) -> str:
        one = self.record
        said = ", ".join(repr(str(turn.reply)) for turn in one.turns)
        return f"<PlayedEpisode {one.scenario} {one.id} ({one.answer}): {said}; {'' if one.correct else 'not '}right>"

    def _repr_html_(self) -> str | None:
        album = EpisodeAlbum([self._run])
        [entry] = album.entries(0, self._place, self._place + 1)
        frames = [{**turn, "uri": data_uri(album.pictures, turn["picture"])} for turn in entry["turns"]]
        one = self.record
        about = f"The answer is {one.answer} ({ending(one, self._run.judgements.get(one.key))})"
        error = f"Error: {one.error.message}" if one.error else ""
        return as_html("strip", f"{self._run.name}: {one.scenario} {one.id}", about, frames, error)


def load_run(folder: str | Path, *, data: str | Path | None = None) -> Run:
    """Loads a run, also while it is under way.

    Args:
        folder: The run's folder.
        data: Folder of its benchmark, where that is no longer where it was.

    Raises:
        UsageError: The folder is not a run, or its data are not found.
        ProactiveBenchError: A record cannot be read.
    """
    [found] = runs.load_runs([Path(folder)], [] if data is None else [Path(data)])
    return Run(found)


def compare(first: Run | str | Path, second: Run | str | Path) -> Rows:
    """Compares two runs sample by sample: for each score the paired difference, second minus first, with its interval.

    Raises:
        UsageError: One of them is not a run, or waits for its judge; they share no score, no samples, or no benchmark.
    """
    before, after = (one.folder if isinstance(one, Run) else Path(one) for one in (first, second))
    found = comparison.compare_runs(before, after)
    played = " and ".join(f"{n:,}" for n in found.played)
    measured = "; ".join(dict.fromkeys(map(run_measured_on, (before, after))))
    caption = f"{found.shared:,} episodes have a score in both runs, of {played}. Measured on {measured}."
    if found.settings:
        ways = (f"{name}: {shown(one)} / {shown(other)}" for name, one, other in found.settings)
        caption += f" The runs differ in {'; '.join(ways)}."
    return Rows(
        (
            {
                "scenario": one.scenario,
                "score": f"{one.score}{', published reading' * one.published}",
                "n": one.n,
                "first": one.first,
                "second": one.second,
                "difference": one.change.mean,
                "low": one.change.interval[0],
                "high": one.change.interval[1],
                "p": one.p_value,
            }
            for one in found.differences
        ),
        caption,
    )


def when(run: Run, forced: Run) -> Mapping[str, Any]:
    """Does the model know when to ask? Holds a run against forced answers of the same model.

    Args:
        run: A run with mode `mcqa`.
        forced: One with mode `forced`.

    Returns:
        The numbers of docs/when.md, also written to `when.json` in the run's folder.

    Raises:
        UsageError: They are not such runs, or share no samples.
    """
    return measure_run(run.folder, forced.folder)
