"""A run on disk.

`run.json` says everything that decides the numbers, `episodes.jsonl` holds one line per finished episode,
`prompts.jsonl` the user's texts by hash, `metrics.json` the scores. When a run is continued, the episodes that ended
with an error are dropped and played again. `where.json` names the folder of the data, for reports; the path decides
nothing, so it need not match when a run is continued.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from proactivebench.errors import UsageError
from proactivebench.evaluation.episodes import PlayedEpisode
from proactivebench.evaluation.records import Episode, text_hash
from proactivebench.evaluation.settings import Part, Settings
from proactivebench.work.aside import Seen, different
from proactivebench.work.files import parse_json, write_json, write_whole, writing
from proactivebench.work.folder import MACHINES, DescribedFolder, differences, shown
from proactivebench.work.lines import LineFile, complete_lines, read_records
from proactivebench.work.ranks import ALONE, Ranks

RUN, EPISODES, PROMPTS, METRICS, WHERE = "run.json", "episodes.jsonl", "prompts.jsonl", "metrics.json", "where.json"

SHARD = "shard"
"""Key of `run.json` under which a shard says which one it is."""


class RunData(BaseModel):
    """The data of a run: `frames.data_identity`."""

    model_config = ConfigDict(frozen=True)

    source: str | None = None
    samples: Mapping[str, str]
    frames: Mapping[str, str]
    kept_ids: Mapping[str, str | None]


class RunDescription(BaseModel):
    """What `run.json` says, as far as other steps need it.

    Attributes:
        settings: How the run was played.
        scenarios: Short names of what was played.
        parts: Short scenario name -> how many of its samples are played.
        model: Who answered, as it identifies itself.
        judge: Who read the replies of mode `oeg-multi`.
        data: What tells its data from others, as `data_identity` gives it.
    """

    model_config = ConfigDict(frozen=True)

    settings: Settings
    scenarios: tuple[str, ...]
    parts: Mapping[str, Part]
    model: Mapping[str, Any]
    judge: Mapping[str, Any] | None = None
    data: RunData

    @property
    def episodes(self) -> int:
        """How many episodes it has when it is finished."""
        return self.settings.repeats * sum(part.samples for part in self.parts.values())


class _Prompt(BaseModel):
    hash: str
    text: str


def read_run(folder: Path) -> RunDescription:
    """What a run says about itself.

    Raises:
        UsageError: The folder is not a run.
    """
    path = folder / RUN
    try:
        return RunDescription.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{folder} is not a run: {path} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        raise UsageError(f"{folder} is not a run: {path} does not describe one ({error}).") from error


def read_episodes(folder: Path) -> Iterator[Episode]:
    """Yields the finished episodes of a run, also while it is under way.

    Raises:
        ProactiveBenchError: A line is not a record, or an episode is there twice and different.
    """
    return read_records(folder / EPISODES, Episode, "episode record")


def read_prompts(folder: Path) -> dict[str, str]:
    """The user's texts of a run by their hash, without damaged lines."""
    return {name: text for name, text, _ in _prompts(folder)}


def _prompts(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    for line in complete_lines(folder / PROMPTS):
        with suppress(ValidationError):
            entry = _Prompt.model_validate_json(line)
            yield entry.hash, entry.text, line


def write_where(run: Path, data: Path) -> None:
    """Notes the folder of the data that a run is played on, as seen from the run's, so that both can move together."""
    text = json.dumps({"data": Path(os.path.relpath(data.resolve(), run.resolve())).as_posix()})
    write_whole(run / WHERE, [f"{text}\n".encode()])


def read_where(run: Path) -> Path | None:
    """The benchmark's folder as it was when the run was last played; None where that is not known."""
    try:
        return run / str(parse_json((run / WHERE).read_bytes())["data"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class RunLog(DescribedFolder):
    """The folder of one run, open for writing; a context manager.

    Args:
        folder: Created if missing.
        ranks: The processes that play it together.

    Attributes:
        done: Keys of the episodes that were finished without an error; none before `claim`.
    """

    def __init__(self, folder: Path, ranks: Ranks = ALONE):
        super().__init__(folder, RUN, ranks)
        self.done = Seen()

    def open_files(self, at_exit: Callable[[Callable[[], None]], Any]) -> None:
        self._prompts = LineFile(self.folder / PROMPTS, self._different_prompts() if self.ranks.first else None)
        at_exit(self._prompts.close)
        self._texts = Seen()
        for name, _, _ in _prompts(self.folder):
            self._texts.add(name)
        self._episodes = LineFile(self.folder / EPISODES, self._finished() if self.ranks.first else None)
        at_exit(self._episodes.close)
        for episode in read_episodes(self.folder):
            self.done.add(episode.key)

    def _finished(self) -> Iterator[bytes]:
        for line in different(complete_lines(self.folder / EPISODES)):
            with suppress(ValidationError):  # what is damaged, here or among the prompts, is to be played again
                episode = Episode.model_validate_json(line)
                if episode.error is None and all(turn.prompt in self._texts for turn in episode.turns):
                    yield line

    def _different_prompts(self) -> Iterable[bytes]:
        """The lines without those that are damaged, or that a second process wrote too."""
        return different(line for _, _, line in _prompts(self.folder))

    def played_on(self, machine: Mapping[str, Any]) -> str | None:
        """Notes in `run.json` on what the run is played from now on.

        Returns:
            What has changed since it was last played; None where nothing has.
        """
        described = parse_json((self.folder / RUN).read_bytes())
        before = described.get(MACHINES, [])
        if machine in before[-1:]:
            return None
        write_json(self.folder / RUN, described | {MACHINES: [*before, dict(machine)]})
        if not before:
            return None
        changes = (
            f"{name} was {shown(old)}, is now {shown(new)}" for name, old, new in differences(before[-1], machine)
        )
        return f"{'; '.join(changes)}. Rounding may tip single replies; what is measured stays the same."

    def append(self, played: PlayedEpisode) -> None:
        """Keeps a finished episode.

        Raises:
            ProactiveBenchError: It could not be written; what was finished before is safe.
        """
        for text in played.texts:
            name = text_hash(text)
            if self._texts.add(name):
                self._prompts.append({"hash": name, "text": text})
        self._episodes.append(played.episode.model_dump(mode="json", exclude_defaults=True))

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Writes `metrics.json`, when all has been played."""
        with writing(self.folder):
            write_whole(self.folder / PROMPTS, self._different_prompts())
        write_json(self.folder / METRICS, metrics)
