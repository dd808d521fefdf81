"""The samples of a benchmark as an album: all frames that can be reached, and what each option does at each of them."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from typing import Any

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.images import Picture
from proactivebench.reports.album import CHUNK, Album, frames_of, right_options
from proactivebench.scenarios import (
    SCENARIOS,
    Action,
    AnyAction,
    Environment,
    Observation,
    Sample,
    is_abstention,
    make_environment,
)


class SampleAlbum(Album):
    """Samples of a benchmark.

    Args:
        benchmark: What to show.
        samples: Which of its samples; by default all, those that the leak filter drops included.

    Raises:
        SampleError: A line is not a sample.
    """

    def __init__(self, benchmark: Benchmark, samples: Sequence[Sample] | None = None):
        super().__init__()
        self.benchmark = benchmark
        every = (sample for scenario in benchmark.scenarios for sample in benchmark.samples(scenario, filtered=False))
        self._samples = list(every if samples is None else samples)

    def sizes(self) -> list[int]:
        return [len(self._samples)]

    def index(self) -> dict[str, Any]:
        scenarios = list(SCENARIOS)
        answers: dict[str, int] = {}
        rows, thumbnails = [], []
        for sample in self._samples:
            answer = answers.setdefault(sample.answer, len(answers))
            start = make_environment(sample)
            rows.append([scenarios.index(sample.scenario.name), sample.id, 0, 0, start.max_turns, 0, answer, -1])
            thumbnails.append(self._picture(start.observe()))
        return {
            "kind": "samples",
            "chunk": CHUNK,
            "scenarios": scenarios,
            "endings": [],
            "marks": [],
            "answers": list(answers),
            "parts": [{"name": "", "rows": rows, "thumbnails": thumbnails}],
        }

    def entries(self, part: int, first: int, last: int) -> list[dict[str, Any]]:
        entries = []
        for sample in self._samples[first:last]:
            start = make_environment(sample)
            entries.append(
                {
                    "source": frames_of(sample),
                    "answer": sample.answer,
                    "limit": start.max_turns,
                    "error": None,
                    "turns": self._frames(start),
                }
            )
        return entries

    def _picture(self, seen: Observation) -> str:
        """The name of a frame's picture; empty where a link leads out of the benchmark."""
        try:
            return self.pictures.add(Picture(self.benchmark.frame(seen.frame_path), seen.view))
        except UsageError:
            return ""

    def _frames(self, start: Environment) -> list[dict[str, Any]]:
        """The frames in the order in which fewest turns reach them, from the first."""
        frames: dict[tuple[object, ...], int] = {_place(start): 0}
        queue = deque([start])
        turns = []
        while queue:
            here = queue.popleft()
            seen = here.observe()
            effects = []
            for option in seen.options:
                ahead = copy.copy(here)
                action = ahead.step(option).action
                if not ahead.done and _place(ahead) not in frames:
                    frames[_place(ahead)] = len(frames)
                    queue.append(ahead)
                effects.append(_effect(here, ahead, option, action, frames))
            right = right_options(here)
            turns.append(
                {
                    "picture": self._picture(seen),
                    "question": seen.question,
                    "options": seen.options,
                    "right": [place for place, option in enumerate(seen.options) if option in right],
                    "effects": effects,
                    "did": "The reference frame: it shows the answer." if here.shows_answer() else "",
                }
            )
        return turns


def _place(environment: Environment) -> tuple[object, ...]:
    return environment.frame_path(), environment.crop()


def _effect(
    here: Environment, ahead: Environment, option: str, action: AnyAction, frames: dict[tuple[object, ...], int]
) -> str:
    """What an option did to the episode that took it."""
    if not ahead.done:
        shown = ahead.notice if _place(ahead) == _place(here) else f"frame {frames[_place(ahead)] + 1}. {ahead.notice}"
        return f"{action.words}: {shown or 'the same frame'}".rstrip(" .")
    if ahead.correct:
        return "ends the episode, right"
    if action is not Action.STOP:
        return "no turn left after it"
    if option == here.sample.answer:
        return "ends the episode, wrong: the right name, but it cannot be known yet"
    return "ends the episode: abstained" if is_abstention(option) else "ends the episode, wrong"
