"""A run on disk: a folder that can be continued at any moment.

`run.json` says everything that decides the numbers, `episodes.jsonl` holds one line per finished episode,
`prompts.jsonl` the user's texts by hash, `metrics.json` the scores; `where.json` says where the data were and decides
nothing. Lines are appended and flushed, so that killing the process loses at most the line being written. When a run is
continued, a torn line and the episodes that ended with an error are dropped and played again. A second process on the
same folder is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import filelock
from pydantic import ValidationError

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation.episodes import PlayedEpisode
from proactivebench.evaluation.records import Episode, text_hash

RUN, EPISODES, PROMPTS, METRICS = "run.json", "episodes.jsonl", "prompts.jsonl", "metrics.json"
WHERE = "where.json"


def write_json(path: Path, value: object) -> None:
    """Writes indented JSON; the file appears complete or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key} was {json.dumps(before)}, is now {json.dumps(after)}"


def _complete_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file without a torn last one; none where there is no file."""
    if path.exists():
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))


def read_episodes(folder: Path) -> Iterator[Episode]:
    """Yields the finished episodes of a run, also while it goes on.

    Raises:
        ProactiveBenchError: A line is no record.
    """
    for number, line in enumerate(_complete_lines(folder / EPISODES), start=1):
        try:
            yield Episode.model_validate_json(line)
        except ValidationError as error:
            raise ProactiveBenchError(f"{folder / EPISODES}, line {number}: no episode record ({error})") from error


def read_prompts(folder: Path) -> dict[str, str]:
    """The user's texts of a run by their hash, also while it goes on."""
    lines = map(json.loads, _complete_lines(folder / PROMPTS))
    return {line["hash"]: line["text"] for line in lines}


def read_where(folder: Path) -> Path | None:
    """The benchmark's folder as it was when the run was last played; None where that is not known."""
    try:
        return folder / str(json.loads((folder / WHERE).read_text(encoding="utf-8"))["data"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _keep(path: Path, lines: Iterable[bytes]) -> BinaryIO:
    """Replaces a file by those lines of it and opens it for appending."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.writelines(lines)
    temporary.replace(path)
    return path.open("ab")


class RunLog:
    """The folder of one run, open for writing; a context manager.

    Args:
        folder: Created if missing.
        identity: Everything that decides the numbers, as JSON values.

    Attributes:
        done: Keys of the episodes that were finished without an error.

    Raises:
        UsageError: The folder holds a run with another identity, something else, or is in use.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]):
        self.folder = folder
        self._identity = json.loads(json.dumps(identity))
        self._files = ExitStack()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            try:
                files.enter_context(filelock.FileLock(self.folder / ".lock", blocking=False))
            except filelock.Timeout:
                message = f"{self.folder} is in use by another process; wait for it or choose another --out."
                raise UsageError(message) from None
            self._claim()
            self.done: set[tuple[str, int, int]] = set()
            self._episodes = files.enter_context(_keep(self.folder / EPISODES, self._finished()))
            texts = list(_complete_lines(self.folder / PROMPTS))
            self._texts = {json.loads(line)["hash"] for line in texts}
            self._prompts = files.enter_context(_keep(self.folder / PROMPTS, texts))
            self._files = files.pop_all()
        return self

    def _finished(self) -> Iterator[bytes]:
        for episode in read_episodes(self.folder):
            if episode.error is None:
                self.done.add(episode.key)
                yield _encode(episode.model_dump(mode="json", exclude_defaults=True))

    def _claim(self) -> None:
        path = self.folder / RUN
        if not path.exists():
            if (self.folder / EPISODES).exists():
                raise UsageError(f"{self.folder} holds {EPISODES} but no {RUN}; choose another --out.")
            write_json(path, self._identity)
            return
        try:
            differences = list(_differences(json.loads(path.read_text(encoding="utf-8")), self._identity))
        except (ValueError, AttributeError) as error:
            raise UsageError(f"{path} is not the description of a run ({error}); choose another --out.") from error
        if differences:
            raise UsageError(
                f"{self.folder} holds a run with other settings: {'; '.join(differences)}. "
                "Choose another --out, or repeat the command with the settings of that run."
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # every line was flushed; what a full disk refused has been reported
            self._files.close()

    def append(self, played: PlayedEpisode) -> None:
        """Keeps a finished episode.

        Raises:
            ProactiveBenchError: It could not be written; what was finished before is safe.
        """
        try:
            for text in played.texts:
                name = text_hash(text)
                if name not in self._texts:
                    self._prompts.write(_encode({"hash": name, "text": text}))
                    self._texts.add(name)
            self._prompts.flush()
            self._episodes.write(_encode(played.episode.model_dump(mode="json", exclude_defaults=True)))
            self._episodes.flush()
        except OSError as error:
            raise ProactiveBenchError(
                f"{self.folder}: cannot write ({error.strerror}). Finished episodes are safe; make room and repeat the "
                "command to continue."
            ) from error

    def write_where(self, data: Path) -> None:
        """Notes the benchmark's folder, seen from the run's, so that both can move together."""
        write_json(self.folder / WHERE, {"data": os.path.relpath(data, self.folder)})

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Writes `metrics.json`."""
        write_json(self.folder / METRICS, metrics)
