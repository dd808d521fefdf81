"""The episodes of runs as an album: each turn as the model saw it, its reply, how that was read, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proactivebench.evaluation.episodes import start
from proactivebench.evaluation.forced import forced_turns
from proactivebench.evaluation.records import Episode, Turn
from proactivebench.images import PictureError
from proactivebench.prompts import shown
from proactivebench.reports.album import CHUNK, Album, frames_of, right_options
from proactivebench.reports.endings import Ending, ending, how_judged, how_read, what_happened
from proactivebench.reports.runs import Run
from proactivebench.scenarios import SCENARIOS, Action, Environment

_KIND_MARKS = {
    "suggestion": "asked",
    "abstention": "abstained",
    "category": "named a category",
    "unreadable": "unreadable",
    "open_ended": "replied freely",
}
_ENDINGS = list(Ending)


class EpisodeAlbum(Album):
    """The episodes of some runs, a part for each run.

    Args:
        runs: What to show, in order.

    Attributes:
        refused: Pictures of the chunks that were asked for that are not what the runs saw: run and path.
    """

    def __init__(self, runs: Sequence[Run]):
        super().__init__()
        self.runs = list(runs)
        self.refused: set[tuple[Path, str]] = set()

    def sizes(self) -> list[int]:
        return [len(run.episodes) for run in self.runs]

    def index(self) -> dict[str, Any]:
        scenarios = list(SCENARIOS)
        marks: dict[str, int] = {}
        answers: dict[str, int] = {}

        def place(answer: str | None) -> int:
            return -1 if answer is None else answers.setdefault(answer, len(answers))

        parts = []
        for run in self.runs:
            rows = [
                [
                    scenarios.index(episode.scenario),
                    episode.id,
                    episode.repeat,
                    _ENDINGS.index(ending(episode, run.judgements.get(episode.key))),
                    len(episode.turns),
                    sum({1 << marks.setdefault(mark, len(marks)) for mark in _marks(episode)}),
                    place(run.samples[episode.scenario, episode.id].answer),
                    place(named(episode)),
                ]
                for episode in run.episodes
            ]
            parts.append({"name": run.name, "rows": rows})
        return {
            "kind": "episodes",
            "chunk": CHUNK,
            "scenarios": scenarios,
            "endings": _ENDINGS,
            "marks": list(marks),
            "answers": list(answers),
            "parts": parts,
        }

    def entries(self, part: int, first: int, last: int) -> list[dict[str, Any]]:
        run = self.runs[part]
        return [self._entry(run, episode) for episode in run.episodes[first:last]]

    def _picture(self, run: Run, turn: Turn) -> str:
        """The name of a turn's picture; empty where it cannot be shown for what the run saw."""
        try:
            return self.pictures.add(run.picture(turn))
        except PictureError:
            self.refused.add((run.folder, turn.frame_path))
            return ""

    def _entry(self, run: Run, episode: Episode) -> dict[str, Any]:
        sample = run.samples[episode.scenario, episode.id]
        right_ones = _right_options(start(sample, episode.repeat, run.settings), episode)
        turns = []
        for number, (turn, right) in enumerate(zip(episode.turns, right_ones, strict=True), start=1):
            question, options = shown(run.texts.get(turn.prompt, ""))
            chosen = options.index(turn.chosen) if turn.chosen in options else None
            open_ended = turn.kind == "open_ended"
            read = how_judged(run.judgements.get(episode.key)) if open_ended else how_read(turn, chosen, sample)
            turns.append(
                {
                    "picture": self._picture(run, turn),
                    "question": question,
                    "options": options,
                    "right": [place for place, option in enumerate(options) if option in right],
                    "reply": turn.reply,
                    "chosen": chosen,
                    "read": read,
                    "did": what_happened(turn, number == len(episode.turns), episode),
                }
            )
        return {
            "source": frames_of(sample),
            "answer": sample.answer,
            "limit": 1 if episode.valid_replies else episode.max_turns,
            "error": episode.error.model_dump() if episode.error else None,
            "turns": turns,
        }


def named(episode: Episode) -> str | None:
    """The category that an episode ended with, right or wrong; None where it ended with something else."""
    last = episode.turns[-1] if episode.turns and episode.error is None else None
    return last.chosen if last is not None and last.kind == "category" else None


def _marks(episode: Episode) -> list[str]:
    """What can be looked for in an episode: kinds of answers, and what the environment did."""
    kinds = [_KIND_MARKS[turn.kind] for turn in episode.turns]
    return kinds + [turn.action.words for turn in episode.turns if turn.action is not Action.STOP]


def _right_options(environment: Environment, episode: Episode) -> list[set[str]]:
    """For every turn the options that were right in it, found by playing the replies again from the start."""
    if episode.forced:
        ahead = [right_options(here) for here, _ in forced_turns(environment)]
        return ahead[: len(episode.turns)]
    right = []
    for turn in episode.turns:
        right.append(set() if environment.done else right_options(environment))
        if not environment.done:
            environment.step(turn.chosen or turn.said)
    return right
