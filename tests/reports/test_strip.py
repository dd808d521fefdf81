"""Strips of episodes: which turns are drawn, and where."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.strip import MAX_TURNS, THUMBNAIL, Row, draw_strip
from tests.support.example_benchmark import build_examples
from tests.support.small_runs import play

RED = (255, 0, 0)


@pytest.fixture
def row(tmp_path: Path) -> Row:
    """An episode of eleven turns whose frames are wide and red."""
    data = build_examples(tmp_path / "data", "CIT")
    [episode] = read_episodes(play(data, ScriptedModel("oracle"), tmp_path / "run"))
    *asked, last = episode.turns
    long = episode.model_copy(update={"turns": (asked[0],) * 10 + (last,)})
    root = Benchmark.open(data).root
    for turn in long.turns:
        Image.new("RGB", (200, 100), RED).save(root / turn.frame_path, format="PNG")
    return Row("oracle", "asks", long, root)


def test_of_a_long_episode_some_turns_are_drawn_by_their_numbers(row: Row) -> None:
    numbers = list(row.turns)
    assert len(numbers) == MAX_TURNS
    assert (numbers[0], numbers[-1]) == (1, 11)
    assert all(turn is row.episode.turns[number - 1] for number, turn in row.turns.items())


def test_what_the_colours_mean_stands_above(row: Row) -> None:
    strip = draw_strip("Which of them is it?", [row])
    written = {colour for _, colour in strip.crop((0, 0, strip.width, 80)).getcolors(1 << 16) or []}
    assert {(26, 127, 55), (11, 99, 206), (198, 40, 40)} <= written


def test_dots_stand_where_turns_are_left_out_and_wide_frames_in_the_middle(row: Row) -> None:
    strip = draw_strip("", [row])
    reds = [(x, y) for x in range(strip.width) for y in range(strip.height) if strip.getpixel((x, y)) == RED]
    left, top = min(reds)
    assert max(y for _, y in reds) - top == THUMBNAIL // 2 - 1
    frame_top = top - THUMBNAIL // 4
    assert strip.getpixel((left, frame_top - 1)) == strip.getpixel((left, frame_top + THUMBNAIL)) == (217, 217, 222)
    columns = {x for x, _ in reds}
    gaps = [x for x in range(left, max(columns)) if x in columns and x + 1 not in columns]
    dotted = []
    for end in gaps:
        begin = min(x for x in columns if x > end)
        gap = strip.crop((end + 3, frame_top + 40, begin - 3, frame_top + 90))
        dotted.append(len(gap.getcolors() or []) > 1)
    numbers = list(row.turns)
    assert dotted == [after > before + 1 for before, after in pairwise(numbers)]
    assert any(dotted)
