"""ChangeIt: videos in which an object changes its state, and a label for every second of 667 of them.

Layout (soCzech/ChangeIt): `categories.csv` describes the 44 categories, `annotations/<category>/<id>.fps1.csv` labels
the seconds of a video, and `downloads/<category>/<id>.<ext>` is the video, which users get from YouTube themselves.
Videos are also found directly in `<category>/` and in `videos/<category>/`, whatever their format. One video is
annotated under two categories, so a record is known by both. Identifiers may begin with `-` or `_`.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from raw_sources.base import Fetched, Inventory, Problem, Source, SourceError, SourceNotFoundError
from raw_sources.changeit_lists import write_lists
from raw_sources.folders import listing, walk
from raw_sources.video import VideoError, duration_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SECONDS = 5_000
"""A longer annotation is refused; the longest real one has 890 lines."""

_HEADER = ["DIR_NAME", "ACTION_NAME", "CENTERING_PARAM"]
_ANNOTATION = ".fps1.csv"
_BESIDE_VIDEOS = (".csv", ".description", ".jpg", ".json", ".m4a", ".part", ".png", ".srt", ".vtt", ".webp", ".ytdl")


class Label(IntEnum):
    """What is to be seen in a second of a video."""

    BACKGROUND = 0
    INITIAL_STATE = 1
    ACTION = 2
    END_STATE = 3


class Category(NamedTuple):
    """One line of `categories.csv`: `apple,"Apple Peeling/Cutting",0.309` is the object Apple, the action Peeling.

    Attributes:
        name: The folder of its videos.
        object_name: What changes.
        action_name: What is done to it.
        other_actions: What is done to it as well (`Cutting`).
    """

    name: str
    object_name: str
    action_name: str
    other_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeItRecord:
    """One annotated video that is there.

    Attributes:
        category: What happens in it.
        video_id: YouTube's identifier.
        video: The file.
        labels: One per second, from second 0.
    """

    category: Category
    video_id: str
    video: Path
    labels: tuple[Label, ...]


def read_labels(path: Path) -> tuple[Label, ...]:
    """Reads the labels of a video, `second,label` per line, seconds 0, 1, 2 and so on below `MAX_SECONDS`.

    Raises:
        SourceError: The file cannot be read, or a line is wrong; the text names file and line.
    """
    labels: list[Label] = []
    for number, row in _rows(path):
        try:
            second, label = row
            if int(second) != len(labels):
                raise ValueError
            if len(labels) == MAX_SECONDS:
                raise SourceError(f"{path}:{number}: more than {MAX_SECONDS:,} seconds, which no video here lasts.")
            labels.append(Label(int(label)))
        except ValueError as error:
            expected = f"expected {len(labels)} and a label from 0 to 3"
            raise SourceError(f"{path}:{number}: {expected}, found {','.join(row)!r}.") from error
    if not labels:
        raise SourceError(f"{path}: no labels found, expected second,label on each line.")
    return tuple(labels)


def read_categories(path: Path) -> dict[str, Category]:
    """Reads `categories.csv`.

    The last word of a category's title is its action, of which the part in front of a slash is used.

    Raises:
        SourceError: The file cannot be read, or a line is wrong; the text names file and line.
    """
    categories: dict[str, Category] = {}
    for number, row in _rows(path):
        if number == 1 and row == _HEADER:
            continue
        object_name, _, action = row[1].rpartition(" ") if len(row) == len(_HEADER) else ("", "", "")
        if not (object_name and action and row[0]):
            expected = 'expected a line like apple,"Apple Peeling/Cutting",0.309'
            raise SourceError(f"{path}:{number}: {expected}, found {','.join(row)!r}.")
        action_name, *others = action.split("/")
        categories[row[0]] = Category(row[0], object_name, action_name, tuple(others))
    return categories


def _rows(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows that are not empty, each with its line number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                if row:
                    yield reader.line_num, row
    except (OSError, UnicodeError, csv.Error) as error:
        raise SourceError(f"{path}: not readable as CSV ({error}).") from error


@dataclass(frozen=True)
class ChangeIt(Source[ChangeItRecord]):
    """ChangeIt under `folder`, which holds `categories.csv` and `annotations`."""

    name = "changeit"

    folder: Path

    @classmethod
    def locate(cls, raw: Path) -> Self:
        """Finds a folder with `categories.csv` and annotations."""
        for found in walk(raw):
            if "categories.csv" in found.files and "annotations" in found.folders:
                folder = cls(found.path)
                if folder.annotated():
                    return folder
        raise SourceNotFoundError(
            f"No ChangeIt under {raw}: looked for categories.csv beside annotations/<category>/<id>{_ANNOTATION}. "
            "Get it with: git clone https://github.com/soCzech/ChangeIt"
        )

    @classmethod
    def prepare(cls, raw: Path) -> Fetched | None:
        """Lists the videos for yt-dlp where the annotations are there."""
        try:
            source = cls.locate(raw)
        except SourceNotFoundError:
            return None
        return write_lists(source.folder, source.annotated())

    def annotated(self) -> tuple[tuple[str, str], ...]:
        """Category and identifier of every annotated video, sorted; those without a category's folder are not."""
        annotations = self.folder / "annotations"
        return tuple(
            (category, name.removesuffix(_ANNOTATION))
            for category in listing(annotations).folders
            for name in listing(annotations / category).files
            if name.endswith(_ANNOTATION)
        )

    def verify(self) -> Inventory:
        """Reads all annotations and opens all videos; names bad lines, missing, unreadable and too short videos."""
        inventory = Inventory({"annotations": len(self.annotated()), "videos": 0})
        for record in self.read(inventory.problems):
            inventory.counts["videos"] += 1
            try:
                duration = duration_seconds(record.video)
            except VideoError as error:
                inventory.problems.append(Problem(str(record.video), str(error)))
                continue
            if duration < len(record.labels) - 2:
                what = f"lasts {duration:.0f} s, but {len(record.labels)} s are annotated. Get it again"
                inventory.problems.append(Problem(str(record.video), what))
        return inventory

    def records(self) -> Iterator[ChangeItRecord]:
        """Yields the annotated videos that are there, by category and identifier.

        Raises:
            SourceError: `categories.csv` cannot be read.
        """
        return self.read([])

    def read(self, problems: list[Problem]) -> Iterator[ChangeItRecord]:
        """Yields what `records` yields, and adds what is missing or broken to `problems`.

        Raises:
            SourceError: `categories.csv` cannot be read.
        """
        categories = read_categories(self.folder / "categories.csv")
        videos = {name: self._videos(name, problems) for name in categories}
        without_any = not any(videos.values())
        if without_any:
            what = f"none of {len(self.annotated())} annotated videos is there: expected downloads/<category>/<id>.mp4"
            problems.append(Problem(str(self.folder), what))
        for name, video_id in self.annotated():
            path = self.folder / "annotations" / name / f"{video_id}{_ANNOTATION}"
            if name not in categories:
                problems.append(Problem(str(path), f"categories.csv has no category {name}"))
                continue
            try:
                labels = read_labels(path)
            except SourceError as error:
                problems.append(Problem(str(path), str(error)))
                continue
            if video_id in videos[name]:
                yield ChangeItRecord(categories[name], video_id, videos[name][video_id], labels)
            elif not without_any:
                what = f"the video is missing (https://www.youtube.com/watch?v={video_id})"
                problems.append(Problem(f"{name}/{video_id}", what))

    def _videos(self, category: str, problems: list[Problem]) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for parent in ("downloads", "videos", "."):
            folder = self.folder / parent / category
            for path in (folder / name for name in listing(folder).files):
                if path.suffix.lower() in _BESIDE_VIDEOS:
                    continue
                if (used := found.setdefault(path.stem, path)) != path:
                    problems.append(Problem(str(path), f"not used: {used} is the same video"))
        return found
