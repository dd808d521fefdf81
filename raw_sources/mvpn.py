"""MVP-N: retail products photographed from many sides; lists say which views form a multi-view set.

Layout (its authors' loaders): `<split>/<class>/<set>/*.png`, the classes `0000` to `0043`, and for each class a pickle
`valid_list/valid_<class>_100.pkl` or `test_list/test_<class>_100.pkl`, a list of sets, each a list of paths
`<class>/<set>/<file>.png` below the split's folder. The last `_`-separated part of a file's stem is 1 for an
informative view and 0 for an uninformative one. There are no lists for the train split, so it gives no records.

The names of the classes are only in the authors' PDF; they come from a file of the user (`read_class_names`).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

from raw_sources.base import Inventory, Problem, Source, SourceError, SourceNotFoundError, first_few
from raw_sources.folders import check_picture, listing, walk
from raw_sources.pickles import read_string_lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SPLITS = ("test", "valid")

CLASSES = tuple(f"{number:04}" for number in range(44))

_FIRST_OF_GROUP = (0, 2, 4, 6, 8, 10, 15, 17, 19, 21, 23, 25, 27, 31, 33, 35, 37, 39, 41, 44)
LOOK_ALIKES: tuple[tuple[str, ...], ...] = tuple(CLASSES[start:stop] for start, stop in pairwise(_FIRST_OF_GROUP))
"""The 19 groups of classes that look alike (config/base.yaml of SMNUResearch/MVP-N)."""

MAX_VIEWS = 100
"""A larger set is refused; the published ones have at most 6 views."""

_LIST_NAME = re.compile(r"(?P<split>test|valid)_(?P<label>\d{4})(_\d+)?\.pkl", re.IGNORECASE)
_NAME = r"[^/\x00-\x1f\x7f-\x9f\ud800-\udfff]+"
_ENTRY = re.compile(rf"(?P<label>\d{{4}})/(?P<set>{_NAME})/{_NAME}_(?P<informative>[01])\.png", re.IGNORECASE)
_SHOWN = 5


class View(NamedTuple):
    """One picture of a product."""

    path: Path
    informative: bool


@dataclass(frozen=True, slots=True)
class MvpnRecord:
    """One multi-view set.

    Attributes:
        split: One of `SPLITS`.
        label: Its class, one of `CLASSES`.
        index: Its place in the class's list, from 0.
        views: In the order of the list; all views are of the same class.
    """

    split: str
    label: str
    index: int
    views: tuple[View, ...]


def parse_entry(entry: str) -> tuple[str, bool]:
    """Reads one path of a list.

    Returns:
        Class, and whether the view is informative.

    Raises:
        ValueError: It is not `<class>/<set>/<name>_<0 or 1>.png`, or leads out of its folder.
    """
    match = _ENTRY.fullmatch(entry)
    if match is None or match["set"] in (".", ".."):
        raise ValueError(f"{entry!r} is not of the form <class>/<set>/<name>_<0 or 1>.png")
    return match["label"], match["informative"] == "1"


@dataclass(frozen=True)
class Mvpn(Source[MvpnRecord]):
    """MVP-N under `folder`, which holds the splits and their lists."""

    name = "mvpn"

    folder: Path

    @classmethod
    def locate(cls, raw: Path) -> Self:
        """Finds a folder that holds `test_list` or `valid_list` with pickles in it."""
        for found in walk(raw):
            for split in SPLITS:
                lists = f"{split}_list"
                if lists in found.folders and any(map(_LIST_NAME.fullmatch, listing(found.path / lists).files)):
                    return cls(found.path)
        raise SourceNotFoundError(
            f"No MVP-N under {raw}: looked for a folder with test_list/test_0000_100.pkl and test/0000/. Get data.zip "
            "as described in https://github.com/SMNUResearch/MVP-N and unpack it there."
        )

    def verify(self) -> Inventory:
        """Reads every list and the head of every picture in one; names missing lists and unreadable pictures."""
        inventory = Inventory({"classes": 0, "sets": 0, "pictures": 0})
        labels: set[str] = set()
        pictures: set[Path] = set()
        for record in self.read(inventory.problems):
            labels.add(record.label)
            inventory.counts["sets"] += 1
            pictures.update(view.path for view in record.views)
        for path in sorted(pictures):
            check_picture(path, inventory.problems)
        inventory.counts |= {"classes": len(labels), "pictures": len(pictures)}
        return inventory

    def records(self) -> Iterator[MvpnRecord]:
        """Yields the sets of which all views are there: test before valid, by class, in the order of the lists."""
        return self.read([])

    def read(self, problems: list[Problem], splits: Sequence[str] = SPLITS) -> Iterator[MvpnRecord]:
        """Yields what `records` yields of these splits, and adds what is missing or broken to `problems`."""
        for split in splits:
            folder = self.folder / f"{split}_list"
            files: dict[str, Path] = {}
            for found in filter(None, map(_LIST_NAME.fullmatch, listing(folder).files)):
                used = files.setdefault(found["label"], folder / found[0])
                if used.name != found[0]:
                    problems.append(Problem(str(folder / found[0]), f"not used: {used} lists the same class"))
            for label in sorted(files.keys() - set(CLASSES)):
                what = f"not used: classes are {CLASSES[0]} to {CLASSES[-1]}"
                problems.append(Problem(str(files.pop(label)), what))
            missing = [label for label in CLASSES if label not in files]
            if missing:
                what = f"{len(missing)} of {len(CLASSES)} lists are missing: those of {first_few(missing)}"
                problems.append(Problem(str(folder), what))
            for label, path in sorted(files.items()):
                try:
                    sets = read_string_lists(path)
                except SourceError as error:
                    problems.append(Problem(str(path), str(error)))
                    continue
                for index, entries in enumerate(sets):
                    try:
                        yield MvpnRecord(split, label, index, self._views(split, label, entries))
                    except ValueError as error:
                        problems.append(Problem(f"{path}, set {index}", str(error)))

    def _views(self, split: str, label: str, entries: list[str]) -> tuple[View, ...]:
        if not entries:
            raise ValueError("the set is empty")
        if len(entries) > MAX_VIEWS:
            raise ValueError(f"the set has {len(entries):,} views, expected at most {MAX_VIEWS}")
        views = []
        for entry in entries:
            entry_label, informative = parse_entry(entry)
            path = self.folder / split / entry
            if entry_label != label:
                raise ValueError(f"{entry!r} is not of class {label}")
            if not path.is_file():
                raise ValueError(f"{path} is missing")
            views.append(View(path, informative))
        return tuple(views)


def read_class_names(path: Path) -> dict[str, str]:
    """Reads the names of the classes, one `class_id,name` per line (CSV, UTF-8), with or without that header.

    Returns:
        Class (`0027`; the file may leave out leading zeros) -> name. Classes that the file leaves out are missing.

    Raises:
        SourceError: The file cannot be read, or a line is wrong; the text names the lines.
    """
    names: dict[str, str] = {}
    wrong: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in (reader := csv.reader(file, strict=True)):
                fields = [field.strip() for field in row]
                if not any(fields) or (reader.line_num == 1 and fields == ["class_id", "name"]):
                    continue
                if error := _add_name(names, fields):
                    wrong.append(f"line {reader.line_num}: {error}")
    except (OSError, UnicodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as UTF-8 text with class_id,name on each line ({error}).") from error
    if not names and not wrong:
        wrong.append("it names no class")
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise SourceError(f"{path}: {'; '.join(wrong[:_SHOWN])}{more}. Expected lines like 0027,Peach drink.")
    return names


def _add_name(names: dict[str, str], fields: list[str]) -> str | None:
    """Adds one line's class, or says what is wrong with the line."""
    if len(fields) != 2 or not fields[1]:
        return f"expected a class and a name, found {','.join(fields)!r}"
    label, name = fields[0].zfill(4), fields[1]
    if label not in CLASSES:
        return f"{fields[0]!r} is not a class; classes are {CLASSES[0]} to {CLASSES[-1]}"
    if label in names:
        return f"class {label} is named twice"
    if name in names.values():
        return f"{name!r} is the name of another class too"
    names[label] = name
    return None
