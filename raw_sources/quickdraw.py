"""Quick, Draw!: one `<category>.ndjson` per category, one drawing per line.

Decided here: which file stands for a category, which lines are usable, and which drawings are picked. The whole set has
50 million lines, so picking reads each line only as far as a regular expression for its two short fields; a drawing is
picked by a keyed hash of its identifier, and only lines that come into question are parsed. The choice therefore does
not depend on the order of the lines, on other drawings, or on whether the strokes are simplified or raw, and memory
does not grow with the file. A picked drawing is remembered by its place in the file.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

from raw_sources.base import Inventory, Problem, Source, SourceError, SourceNotFoundError, first_few
from raw_sources.folders import walk
from raw_sources.quickdraw_lines import Drawing, Line, parse_drawing, peek, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CATEGORIES: tuple[str, ...] = tuple(
    resources.files("raw_sources").joinpath("quickdraw_categories.txt").read_text("utf-8").splitlines()
)
"""The names of all 345 categories, in the order of the official list."""

_FILE_PREFIX = re.compile(r"^full_(simplified|raw)_")


@dataclass(frozen=True, slots=True)
class DrawingRef:
    """Where a drawing lies: `length` bytes from `offset` in `path`."""

    category: str
    key_id: str
    strokes: int
    path: Path
    offset: int
    length: int


@dataclass(slots=True)
class Selection:
    """What `select` picked and saw.

    Attributes:
        chosen: The picked drawings, in the order of the draw.
        too_few_strokes: Identifiers that the draw hit and that were passed over for having a single stroke.
        lines: Number of lines that are not empty.
        recognized: Number of them that the game recognised.
        problems: The bad lines, by file and line.
    """

    chosen: list[DrawingRef] = field(default_factory=list)
    too_few_strokes: list[str] = field(default_factory=list)
    lines: int = 0
    recognized: int = 0
    problems: list[Problem] = field(default_factory=list)


def read_drawing(ref: DrawingRef) -> Drawing:
    """Reads a drawing that was picked before.

    Raises:
        SourceError: The file no longer holds that drawing there.
    """
    try:
        with ref.path.open("rb") as file:
            file.seek(ref.offset)
            drawing = parse_drawing(file.read(ref.length), ref.category)
    except (OSError, ValueError) as error:
        raise SourceError(f"{ref.path} changed while it was in use: {error}. Start again.") from error
    if (drawing.key_id, len(drawing.strokes)) != (ref.key_id, ref.strokes):
        raise SourceError(f"{ref.path} changed while it was in use: drawing {ref.key_id} moved. Start again.")
    return drawing


@dataclass(frozen=True)
class QuickDraw(Source[Drawing]):
    """Quick, Draw! under a folder.

    Attributes:
        files: Category -> its file, in the order of `CATEGORIES`; those that are not there are missing.
        duplicates: Files that were passed over because another one holds the same category.
    """

    name = "quickdraw"

    files: Mapping[str, Path]
    duplicates: tuple[Problem, ...] = ()

    @classmethod
    def locate(cls, raw: Path) -> Self:
        """Finds `<category>.ndjson`, also `full_simplified_<category>.ndjson` or with `%20` for spaces.

        Where a category is there both simplified and raw (in folders of these names), the simplified file is taken.
        """
        found: dict[str, list[Path]] = {}
        for folder in walk(raw):
            for path in map(folder.path.joinpath, folder.files):
                if path.suffix.lower() == ".ndjson":
                    found.setdefault(_FILE_PREFIX.sub("", unquote(path.stem)), []).append(path)
        files, duplicates = {}, []
        for category in CATEGORIES:
            if category not in found:
                continue
            used, *others = sorted(found[category], key=lambda path: _form(path, raw))
            files[category] = used
            duplicates += [
                Problem(str(path), f"not used: {used} holds {category} too")
                for path in others
                if _form(path, raw) == _form(used, raw)
            ]
        if not files:
            raise SourceNotFoundError(
                f"No Quick, Draw! drawings under {raw}: looked for <category>.ndjson, for example cat.ndjson. Get "
                "https://storage.googleapis.com/quickdraw_dataset/full/simplified/<category>.ndjson, one per category."
            )
        return cls(files, tuple(duplicates))

    def select(self, category: str, count: int, seed: int, skip: int = 0) -> Selection:
        """Picks recognised drawings with at least two strokes, in one pass and with flat memory.

        Args:
            category: One of `files`.
            count: Number of drawings.
            seed: Decides the draw.
            skip: Passes over that many of the first drawn, so that two selections with one seed can be disjoint.
        """
        path = self.files[category]
        selection = Selection()
        draw = hashlib.blake2b(f"{seed}/{category}/".encode(), digest_size=8)
        wanted = skip + count
        best: list[tuple[int, DrawingRef]] = []  # a heap whose first entry is the drawn last, hence the minus signs
        seen: set[int] = set()
        single: list[tuple[int, str]] = []
        for line in _lines(path, selection.problems):
            selection.lines += 1
            try:
                key, recognized = peek(line.data)
                if not recognized:
                    continue
                selection.recognized += 1
                hasher = draw.copy()
                hasher.update(key)
                rank = -int.from_bytes(hasher.digest())
                if rank in seen or (len(best) == wanted and rank <= best[0][0]):
                    continue
                drawing = parse_drawing(line.data, category)
            except ValueError as error:
                selection.problems.append(Problem(f"{path}:{line.number}", str(error)))
                continue
            seen.add(rank)
            if len(drawing.strokes) < 2:
                single.append((rank, drawing.key_id))
                continue
            ref = DrawingRef(category, drawing.key_id, len(drawing.strokes), path, line.offset, len(line.data))
            heapq.heappush(best, (rank, ref))
            if len(best) > wanted:
                seen.discard(heapq.heappop(best)[0])
        best.sort(key=lambda entry: -entry[0])
        drawn_last = best[-1][0] if len(best) == wanted and best else None
        selection.chosen = [ref for _, ref in best[skip:]]
        selection.too_few_strokes = sorted(key for rank, key in single if drawn_last is None or rank > drawn_last)
        return selection

    def verify(self) -> Inventory:
        """Reads every line; names missing categories, files that are not used and bad lines."""
        missing = [name for name in CATEGORIES if name not in self.files]
        inventory = Inventory({"categories": len(self.files), "drawings": 0, "recognized": 0}, list(self.duplicates))
        if missing:
            what = f"{len(missing)} of {len(CATEGORIES)} categories are missing: {first_few(missing)}"
            inventory.problems.append(Problem("quickdraw", what))
        for drawing in self._read(inventory.problems):
            inventory.counts["drawings"] += 1
            inventory.counts["recognized"] += drawing.recognized
        return inventory

    def records(self) -> Iterator[Drawing]:
        """Yields every drawing, category by category, in file order; bad lines are passed over."""
        return self._read([])

    def _read(self, problems: list[Problem]) -> Iterator[Drawing]:
        for category, path in self.files.items():
            for line in _lines(path, problems):
                try:
                    yield parse_drawing(line.data, category)
                except ValueError as error:
                    problems.append(Problem(f"{path}:{line.number}", str(error)))


def _lines(path: Path, problems: list[Problem]) -> Iterator[Line]:
    """The lines of a file, as far as it can be read; where it cannot, that is a problem."""
    try:
        with path.open("rb") as file:
            yield from read_lines(file)
    except OSError as error:
        problems.append(Problem(str(path), f"cannot be read ({error.strerror}). Get the file again"))


def _form(path: Path, raw: Path) -> int:
    """0 for a simplified file, 2 for a raw one, 1 where neither its name nor a folder says so."""
    if prefix := _FILE_PREFIX.match(path.name):
        return 0 if prefix[1] == "simplified" else 2
    for part in reversed(path.relative_to(raw).parts[:-1]):
        if part in ("simplified", "raw"):
            return 0 if part == "simplified" else 2
    return 1
