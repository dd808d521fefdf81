"""A picture of some episodes: a row per episode, its turns from left to right, dots where turns are left out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from proactivebench.evaluation.records import Episode, Turn
from proactivebench.images import load_picture
from proactivebench.models.base import Picture
from proactivebench.scenarios import Action
from proactivebench.views import Crop

THUMBNAIL = 128
MAX_TURNS = 7
"""Turns of an episode that are drawn; of a longer one evenly spaced ones, the first and the last among them."""

_GAP = 22
_LABEL_WIDTH = 190
_TEXT_LINES = 3
_LINE_HEIGHT = 15
_ROW_HEIGHT = THUMBNAIL + (_TEXT_LINES + 2) * _LINE_HEIGHT + _GAP
_HEADER_HEIGHT = 94

_INK, _SOFT, _PAPER = "#1c1c1e", "#6b6b70", "#ffffff"
_RIGHT, _ASKED, _WRONG = "#1a7f37", "#0b63ce", "#c62828"
_LEGEND = {_ASKED: "a suggestion that was accepted", _RIGHT: "the right answer", _WRONG: "ends without it"}
"""Colour of a reply -> what it means."""


class Row(NamedTuple):
    """One episode: what stands before it, a few words about it, the record, and where its frames are."""

    name: str
    about: str
    episode: Episode
    root: Path

    @property
    def turns(self) -> dict[int, Turn]:
        """The turns that are drawn, by their number from 1."""
        count = min(MAX_TURNS, len(self.episode.turns))
        last = len(self.episode.turns) - 1
        places = [round(last * number / max(1, count - 1)) for number in range(count)]
        return {place + 1: self.episode.turns[place] for place in places}


def draw_strip(title: str, rows: Sequence[Row]) -> Image.Image:
    """Draws the episodes below each other.

    Args:
        title: What all of them are about.
        rows: The episodes in order.

    Returns:
        A picture in mode RGB, as wide as the longest episode needs.
    """
    turns = max(len(row.turns) for row in rows)
    width = _LABEL_WIDTH + turns * (THUMBNAIL + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _HEADER_HEIGHT + len(rows) * _ROW_HEIGHT), _PAPER)
    draw = ImageDraw.Draw(sheet)
    small, bold = ImageFont.load_default(12), ImageFont.load_default(16)
    draw.multiline_text((_GAP, _GAP), textwrap.fill(title, width // 9), _INK, bold)
    left = float(_GAP)
    for colour, meaning in _LEGEND.items():
        draw.text((left, _HEADER_HEIGHT - _GAP - _LINE_HEIGHT), meaning, colour, small)
        left += draw.textlength(meaning, small) + _GAP
    for number, row in enumerate(rows):
        top = _HEADER_HEIGHT + number * _ROW_HEIGHT
        draw.line([(_GAP, top - _GAP // 2), (width - _GAP, top - _GAP // 2)], "#d9d9de")
        draw.text((_GAP, top), row.name, _INK, bold)
        draw.multiline_text((_GAP, top + 24), textwrap.fill(row.about, 25), _SOFT, small)
        before = 0
        for column, (place, turn) in enumerate(row.turns.items()):
            left = _LABEL_WIDTH + column * (THUMBNAIL + _GAP)
            crop = Crop(*turn.crop) if turn.crop else None
            image = load_picture(Picture(row.root / turn.frame_path, crop))
            image.thumbnail((THUMBNAIL, THUMBNAIL))
            sheet.paste(image, (left + (THUMBNAIL - image.width) // 2, top + (THUMBNAIL - image.height) // 2))
            draw.rectangle((left - 1, top - 1, left + THUMBNAIL, top + THUMBNAIL), outline="#d9d9de")
            if place > before + 1:
                draw.text((left - _GAP // 2, top + THUMBNAIL // 2), "...", _INK, bold, anchor="mm")
            before = place
            draw.text((left, top + THUMBNAIL + 4), f"Turn {place}", _SOFT, small)
            colour = _colour(turn, row.episode)
            lines = textwrap.wrap(turn.chosen or turn.reply, 20, max_lines=_TEXT_LINES, placeholder=" ...")
            draw.multiline_text((left, top + THUMBNAIL + 4 + _LINE_HEIGHT), "\n".join(lines), colour, small)
    return sheet


def _colour(turn: Turn, episode: Episode) -> str:
    if episode.correct and turn is episode.turns[-1]:
        return _RIGHT
    return _WRONG if turn.action is Action.STOP else _ASKED
