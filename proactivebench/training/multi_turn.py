"""`--multi-turn`: whole episodes instead of single turns. This goes beyond the paper.

The model plays the environments of a benchmark as the evaluator's history setting plays them: a suggestion brings the
next picture as the user's next message, anything else ends the episode. The reward is 1 for the right category at the
end, minus a cost for each suggestion; so it is the length of the way, not a fixed r_p, that asking is weighed against.
"""

from __future__ import annotations

from typing import Any

import datasets

from proactivebench.answers import what_counts
from proactivebench.benchmark import Benchmark
from proactivebench.frames import Frames, data_identity
from proactivebench.prompts import multiple_choice
from proactivebench.scenarios import Environment, make_environment
from proactivebench.training.plays import Conversation, Message
from proactivebench.views import HISTORY_SHORT_EDGE


class EpisodePlay:
    """An episode of a benchmark; see `Play`.

    Args:
        environment: The episode at its start.
        frames: What it can show.
        suggestion_cost: What each suggestion costs, 0 to 1.
    """

    def __init__(self, environment: Environment, frames: Frames, suggestion_cost: float):
        self._environment = environment
        self._frames = frames
        self._cost = suggestion_cost
        self.shown: Conversation = (self._asked(),)

    @property
    def done(self) -> bool:
        return self._environment.done

    def answer(self, reply: str) -> None:
        said = what_counts(reply)
        self._environment.step(said)
        if not self.done:
            self.shown += (Message("assistant", (said,)), self._asked())

    @property
    def suggestions(self) -> int:
        """How often the model has asked; an episode's last turn does not count, as in psr."""
        return self._environment.turn - 1

    @property
    def reward(self) -> float:
        return self._environment.correct - self._cost * self.suggestions

    @property
    def told(self) -> dict[str, float]:
        return {"episodes/correct": float(self._environment.correct), "episodes/suggestions": self.suggestions}

    def _asked(self) -> Message:
        seen = self._environment.observe()
        text = multiple_choice(seen.question, seen.options, short_answer=True)
        return Message("user", (self._frames.picture(seen.frame_path, seen.view), text))


class Episodes:
    """The samples of a benchmark as what is trained on.

    Args:
        benchmark: What to play; all its scenarios.

    Attributes:
        fingerprint: Tells these samples from any others.
        rows: How many they are.
    """

    def __init__(self, benchmark: Benchmark):
        self._samples = {(s.scenario.name, s.id): s for kind in benchmark.scenarios for s in benchmark.samples(kind)}
        self._frames = Frames.of(benchmark, benchmark.scenarios)
        self.fingerprint = data_identity(benchmark, benchmark.scenarios, self._frames, filtered=True)
        self.rows = len(self._samples)

    def as_rows(self) -> datasets.Dataset:
        """The samples as the rows of a data set, which say no more than which sample they are."""
        said_later = [{"role": "user", "content": ""}]  # the trainer wants a column of this name
        rows = [{"prompt": said_later, "scenario": scenario, "id": number} for scenario, number in self._samples]
        return datasets.Dataset.from_list(rows)

    def play(self, row: dict[str, Any], suggestion_cost: float) -> EpisodePlay:
        """Begins the episode of a row."""
        environment = make_environment(self._samples[row["scenario"], row["id"]], short_edge=HISTORY_SHORT_EDGE)
        return EpisodePlay(environment, self._frames, suggestion_cost)
