"""The lines of a Quick, Draw! file: read safely, looked into cheaply, parsed strictly.

Format (googlecreativelab/quickdraw-dataset): a line is an object with `word`, `key_id` (digits in quotes), `recognized`
and `drawing`, a list of strokes. A simplified stroke is `[[x...], [y...]]` with integers in 0..255; a raw one is
`[[x...], [y...], [t...]]` in pixels of the player's screen, fractions and negative numbers included.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NamedTuple

import orjson

MAX_LINE_BYTES = 4 << 20
"""A longer line is a bad line, so that a file without line ends does not fill the memory."""

MAX_STROKES = 5_000
MAX_COORDINATE = 1e6

_KEY_ID = re.compile(rb'"key_id"\s*:\s*"([0-9]{1,32})"')
_RECOGNIZED = re.compile(rb'"recognized"\s*:\s*(true|false)')


class Stroke(NamedTuple):
    """One line that the pen drew: coordinates of equal length, at least one point, y downwards."""

    x: list[float]
    y: list[float]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing; `strokes` are in the order in which they were drawn."""

    category: str
    key_id: str
    recognized: bool
    strokes: tuple[Stroke, ...]


class Line(NamedTuple):
    """A line with its number, from 1, and the offset of its first byte."""

    number: int
    offset: int
    data: bytes


def parse_drawing(line: bytes, category: str) -> Drawing:
    """Parses one line, simplified or raw; the times of raw strokes are dropped.

    Raises:
        ValueError: The line is not a drawing of the category; the text says what was expected.
    """
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not valid JSON at byte {error.pos}") from None
    if not isinstance(entry, dict):
        raise ValueError("expected a JSON object")
    if entry.get("word") != category:
        raise ValueError(f"word is {entry.get('word')!r}, expected {category!r} as in the file's name")
    key_id, recognized, strokes = (entry.get(name) for name in ("key_id", "recognized", "drawing"))
    if not (isinstance(key_id, str) and re.fullmatch("[0-9]{1,32}", key_id)):
        raise ValueError(f"key_id is {key_id!r}, expected digits in quotes")
    if not isinstance(recognized, bool):
        raise ValueError(f"recognized is {recognized!r}, expected true or false")
    if not (isinstance(strokes, list) and 1 <= len(strokes) <= MAX_STROKES):
        raise ValueError(f"drawing must be a list of 1 to {MAX_STROKES} strokes")
    parsed = tuple(_parse_stroke(stroke, number) for number, stroke in enumerate(strokes, start=1))
    return Drawing(category, key_id, recognized, parsed)


def _parse_stroke(stroke: object, number: int) -> Stroke:
    if not (isinstance(stroke, list) and len(stroke) in (2, 3) and all(isinstance(axis, list) for axis in stroke)):
        raise ValueError(f"stroke {number} must be [[x...], [y...]] or [[x...], [y...], [t...]]")
    if len({len(axis) for axis in stroke}) != 1 or not stroke[0]:
        raise ValueError(f"stroke {number} must have as many x as y (and t), and at least one")
    for name, axis in zip("xy", stroke[:2], strict=True):
        if not set(map(type, axis)) <= {int, float} or min(axis) < -MAX_COORDINATE or max(axis) > MAX_COORDINATE:
            raise ValueError(f"stroke {number}: {name} must be numbers of at most {MAX_COORDINATE:,.0f}")
    return Stroke(stroke[0], stroke[1])


def read_lines(file: IO[bytes]) -> Iterator[Line]:
    """The lines that are not empty; one that is too long is cut, which makes it a bad line.

    A byte order mark in front of the first line, which some editors write, is passed over.
    """
    number = 0
    offset = len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0
    file.seek(offset)
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        start, offset = offset, offset + len(line)
        if line.strip():
            yield Line(number, start, line)
        while len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
            offset += len(line)


def peek(line: bytes) -> tuple[bytes, bool]:
    """The two short fields of a line, without parsing it.

    Raises:
        ValueError: The line is cut or lacks one of them.
    """
    if not line.rstrip().endswith(b"}"):
        raise ValueError("the line is cut: expected a JSON object that ends with }")
    key, recognized = _KEY_ID.search(line), _RECOGNIZED.search(line)
    if key is None or recognized is None:
        raise ValueError('expected "key_id": "<digits>" and "recognized": true or false')
    return key[1], recognized[1] == b"true"
