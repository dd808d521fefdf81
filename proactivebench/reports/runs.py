"""Runs as reports read them: records, texts and scores, together with the benchmark that they were played on.

A run names its data by digests. Where they lie is noted beside it (`where.json`) or said by the user; a folder with
other samples is never taken, and pictures of one with other frames are not shown, so that no picture or answer stands
beside an episode that it does not belong to. A run may come from a stranger: what it names is a picture only if a
sample of its benchmark can show it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation.judging import FOLDER, JUDGEMENTS, JudgedReply, read_judge, read_judgements, run_metrics
from proactivebench.evaluation.measured import part_of, require_same
from proactivebench.evaluation.records import Episode, Key, Turn
from proactivebench.evaluation.run_log import EPISODES, RUN, RunData, read_episodes, read_prompts, read_where
from proactivebench.evaluation.settings import Part, Settings
from proactivebench.evaluation.who import called, weights
from proactivebench.frames import Frames
from proactivebench.images import Picture, PictureError
from proactivebench.scenarios import SCENARIOS, Sample, get_scenario
from proactivebench.views import Crop, Grey
from proactivebench.work.files import parse_json

_MEASURES = {"reference": ("acc",), "forced": ("acc",), "oeg": ("agg", "cc", "ps")}
"""Mode -> names of its scores, where they are others than accuracy and suggestions."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run, as far as it has been played.

    Attributes:
        folder: Where its records are.
        name: What reports call it; unique among the runs of a report.
        identity: What decides its numbers (`run.json`).
        benchmark: What it was played on.
        frames: The frames that it saw; None where those of `benchmark` are others.
        episodes: The finished episodes, in the order in which they ended.
    """

    folder: Path
    name: str
    identity: Mapping[str, Any]
    benchmark: Benchmark
    frames: Frames | None
    episodes: tuple[Episode, ...]

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The user's texts by their hash."""
        return read_prompts(self.folder)

    @cached_property
    def metrics(self) -> Mapping[str, Any]:
        """The scores of the finished episodes, as `run_metrics` gives them."""
        return run_metrics(self.episodes, self.judgements.values(), self.identity["settings"]["seed"])

    @property
    def samples(self) -> Mapping[tuple[str, int], Sample]:
        """The samples of its scenarios by short name and id."""
        return _samples(self.benchmark, tuple(self.identity["scenarios"]))

    @cached_property
    def data(self) -> RunData:
        """What tells its data from any others."""
        return RunData.model_validate(self.identity["data"])

    @cached_property
    def settings(self) -> Settings:
        """How it is played."""
        return Settings.model_validate(self.identity["settings"])

    @property
    def played(self) -> str:
        """Tells the samples and frames of its scenarios from any others."""
        return self.data.model_dump_json(include={"samples", "frames"})

    def picture(self, turn: Turn) -> Picture:
        """The picture of a turn.

        Raises:
            PictureError: The run cannot have seen it, or it is not there as the run saw it.
        """
        if self.frames is None:
            raise PictureError(f"{turn.frame_path}: what lies in {self.benchmark.folder} is not what the run saw.")
        crop = Crop(*turn.crop) if turn.crop else None
        return self.frames.picture(turn.frame_path, Grey(crop) if turn.grey else crop)

    @cached_property
    def judgements(self) -> Mapping[Key, JudgedReply]:
        """What a judge said about the free replies of the finished episodes, by the episodes' keys."""
        finished = {episode.key for episode in self.episodes}
        return {judged.key: judged for judged in read_judgements(self.folder) if judged.key in finished}

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """Short scenario name -> how many of its samples it plays."""
        return {name: Part(**part) for name, part in self.identity["parts"].items()}

    @property
    def _planned(self) -> int:
        return self.settings.repeats * sum(part.samples for part in self.parts.values())

    @property
    def is_part(self) -> bool:
        """Whether it plays some of the samples alone, or has not come to its end."""
        return bool(part_of(self.parts)) or len(self.episodes) < self._planned

    @property
    def notes(self) -> list[str]:
        """What must stand beside its scores: that it is a part, or what its scores leave out; mostly nothing."""
        planned = self._planned
        failed = sum(episode.error is not None for episode in self.episodes)
        notes = [part_of(self.parts)]
        if (done := len(self.episodes)) < planned:
            notes.append(f"{done:,} of {planned:,} episodes so far")
        if failed:
            notes.append(f"{failed:,} of {done:,} episodes failed")
        if self.unjudged:
            judged = len(self.judgements)
            notes.append(f"{judged:,} of {judged + self.unjudged:,} replies judged" if judged else "not judged")
        if judge := self.judge:
            by_hand = (judge.get("instructions") or {}).get("version") == "by hand"
            notes.append(f"judge {judge.get('model')}{' with instructions by hand' * by_hand}")
        return list(filter(None, notes))

    @cached_property
    def judge(self) -> Mapping[str, Any]:
        """Who read its free replies, as it identifies itself; empty where nobody has."""
        if self.identity["settings"]["mode"] == "oeg":
            return read_judge(self.folder) if self.judgements else {}
        return self.identity.get("judge") or {}

    @property
    def unjudged(self) -> int:
        """Free replies that no judge has read yet."""
        free = [episode for episode in self.episodes if episode.valid_replies and episode.error is None]
        return sum(episode.key not in self.judgements for episode in free)

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of its scores, first the one that ranks it."""
        measures = _MEASURES.get(self.identity["settings"]["mode"], ("acc", "psr"))
        has_costs = any("cost" in scores for scores in self.metrics["scenarios"].values())
        return (*measures, "cost") if has_costs else measures

    @property
    def model(self) -> str:
        """What its model is called."""
        return called(self.identity["model"])

    @property
    def weights(self) -> tuple[Any, ...]:
        """Tells its model from any others."""
        return weights(self.identity["model"])

    @property
    def setting(self) -> str:
        """What was asked, in words: `multiple choice`, `hint`, `reference` ..."""
        return self.settings.in_words

    def again(self) -> Run:
        """The same run with what has been played by now."""
        return replace(self, episodes=tuple(read_episodes(self.folder)))

    def in_order(self) -> Run:
        """The same run with its episodes in the order of the samples, whenever they ended."""
        place = {name: number for number, name in enumerate(SCENARIOS)}
        by_sample = sorted(self.episodes, key=lambda one: (place[one.scenario], one.id, one.repeat))
        return replace(self, episodes=tuple(by_sample))

    def only(self, names: Sequence[str]) -> Run:
        """The same run as if it had played some scenarios alone; without names as it is.

        Raises:
            UsageError: It played none of them.
        """
        if not names:
            return self
        chosen = {get_scenario(name).name for name in names}
        parts = {name: part for name, part in self.identity["parts"].items() if name in chosen}
        if not parts:
            raise UsageError(f"{self.folder} played none of {', '.join(sorted(chosen))}.")
        scenarios = [name for name in self.identity["scenarios"] if name in chosen]
        episodes = tuple(episode for episode in self.episodes if episode.scenario in chosen)
        return replace(self, identity={**self.identity, "parts": parts, "scenarios": scenarios}, episodes=episodes)

    def size(self) -> int:
        """Bytes of its records: grows with every episode and every judgement."""
        paths = self.folder / EPISODES, self.folder / FOLDER / JUDGEMENTS
        return sum(path.stat().st_size for path in paths if path.exists())


@lru_cache(maxsize=8)
def _frames(benchmark: Benchmark, names: tuple[str, ...]) -> Frames:
    """Looked at once for all runs of a benchmark."""
    return Frames.of(benchmark, [get_scenario(name) for name in names])


@lru_cache(maxsize=8)
def _samples(benchmark: Benchmark, names: tuple[str, ...]) -> Mapping[tuple[str, int], Sample]:
    """Read once for all runs of a benchmark, and for all looks at a run under way."""
    return {
        (name, sample.id): sample for name in names for sample in benchmark.samples(get_scenario(name), filtered=False)
    }


def _read_identity(folder: Path) -> dict[str, Any]:
    path = folder / RUN
    try:
        identity = parse_json(path.read_bytes())
        _ = identity["model"]["model"], identity["settings"]["seed"], identity["scenarios"]
        Settings.model_validate(identity["settings"])
        _ = [Part(**part) for part in identity["parts"].values()], identity["settings"]["repeats"]
        RunData.model_validate(identity["data"])
    except FileNotFoundError:
        raise UsageError(
            f"{folder} is not a run: expected {path}. Name the folder given to `evaluate --out`."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProactiveBenchError(f"{path}: not the description of a run ({error!r}).") from error
    return dict(identity)


def _find_data(folder: Path, data: RunData, candidates: Sequence[Path]) -> tuple[Benchmark, Frames | None]:
    """The benchmark of a run, with its frames where they are still the ones that the run saw."""
    with_other_frames = None
    noted = read_where(folder)
    for candidate in (*candidates, *([noted] if noted is not None and noted.is_dir() else [])):
        benchmark = Benchmark.open(candidate)
        scenarios = [get_scenario(name) for name in data.samples]
        if {one.name: benchmark.samples_digest(one) for one in scenarios} != data.samples:
            continue
        frames = _frames(benchmark, tuple(data.samples))
        if frames.identity() == data.frames:
            return benchmark, frames
        with_other_frames = with_other_frames or benchmark
    if with_other_frames:
        return with_other_frames, None
    if candidates:
        raise UsageError(f"{folder} was played on other data than those in {', '.join(map(str, candidates))}.")
    raise UsageError(f"{folder}: its data are no longer where they were. Name their folder with --data.")


def load_runs(folders: Sequence[Path], data: Sequence[Path] = ()) -> list[Run]:
    """Loads runs for a report, also while they are under way.

    Args:
        folders: The runs' folders, in the order in which they are shown.
        data: Folders of benchmarks, for runs whose data are not where they were.

    Raises:
        UsageError: A folder is not a run, its data are not found, or the runs were played on different benchmarks.
        ProactiveBenchError: A record cannot be read.
    """
    runs: list[Run] = []
    for folder in folders:
        identity = _read_identity(folder)
        benchmark, frames = _find_data(folder, RunData.model_validate(identity["data"]), data)
        name = ", ".join((called(identity["model"]), *Settings.model_validate(identity["settings"]).unusual))
        runs.append(Run(folder, name, identity, benchmark, frames, tuple(read_episodes(folder))))
    for run in runs:
        for other in runs:
            alike = run.identity["settings"].get("filtered") == other.identity["settings"].get("filtered")
            require_same((run.folder, run.data), (other.folder, other.data), kept=alike)
    counts = Counter(run.name for run in runs)
    return [run if counts[run.name] == 1 else replace(run, name=f"{run.name} ({run.folder})") for run in runs]
