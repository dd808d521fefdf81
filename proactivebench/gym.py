"""`ProactiveBench-v0`: the episodes as a Gymnasium environment, for learners that see pictures and read no text.

An observation is the picture and, for each letter, the number of the text that stands there; an action is a letter, by
its place. Learners that do read find question and texts in `info`, and may step with a reply instead of a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from proactivebench.answers import letter
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.harnesses.episodes import ALL, Episodes, Steps, name_of
from proactivebench.images import load_picture
from proactivebench.scenarios.sample import MAX_TEXTS

MAX_REPLY = 1000
"""Characters of the longest reply in the space of text actions."""

Observation = dict[str, Any]


class ProactiveBenchEnv(gymnasium.Env[Observation, Any]):
    """The episodes of a benchmark, drawn at random.

    Args:
        data: Folder of a benchmark, or `hub:USER/NAME[@REVISION]`.
        scenario: Name of a scenario, several names, or `all`.
        size: Pixels of the square that every picture is resized to.
        texts: Whether an action is a reply in words, instead of the place of an option.
        suggestion_reward: What a suggestion earns that brings another frame. 0: rewards add up to accuracy; 0.75: the
            paper's reward; -0.1: every suggestion costs a tenth of a right answer.
        **settings: Those of `Settings`: `mode` ("mcqa" or "reference"), `control`, `filtered`, `limit` ...

    Attributes:
        vocabulary: The texts of all options; in an observation text n of it has the number n + 1.

    Raises:
        UsageError: There is no such benchmark, scenario or setting, or the setting asks for free replies.
    """

    def __init__(
        self,
        data: str | Path,
        scenario: str | Sequence[str] = ALL,
        *,
        size: int = 224,
        texts: bool = False,
        suggestion_reward: float = 0.0,
        **settings: Any,
    ):
        self._episodes = Episodes.open(data, scenario, **settings)
        how = self._episodes.settings
        if how.mode not in ("mcqa", "reference") or how.random_options:
            raise UsageError("The environment plays multiple choice: mode mcqa or reference, without random options.")
        samples = [task.sample for task in self._episodes.tasks]
        self.vocabulary = tuple(sorted({text for one in samples for text in one.options + one.categories}))
        self._number = {text: place for place, text in enumerate(self.vocabulary, start=1)}
        self._size, self._suggestion_reward = size, suggestion_reward
        self.observation_space = spaces.Dict(
            {
                "picture": spaces.Box(0, 255, (size, size, 3), np.uint8),
                "options": spaces.MultiDiscrete(np.full(MAX_TEXTS, len(self.vocabulary) + 1)),
            }
        )
        printable = "".join(map(chr, range(32, 127)))
        self.action_space = spaces.Text(MAX_REPLY, charset=printable) if texts else spaces.Discrete(MAX_TEXTS)
        self._steps: Steps | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode.

        Args:
            seed: Of the draws from here on.
            options: `{"id": "QD/12"}` plays that episode; else one is drawn.

        Raises:
            UsageError: There is no such episode.
            ProactiveBenchError: Its picture cannot be read.
        """
        super().reset(seed=seed)
        tasks = self._episodes.tasks
        name = (options or {}).get("id")
        task = tasks[int(self.np_random.integers(len(tasks)))] if name is None else self._episodes.named(name)
        self.close()
        self._steps = self._episodes.start(task)
        self._id = name_of(task)
        return self._observe(self._steps)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Answers: with the place of an option, or in words.

        Raises:
            UsageError: No episode is under way.
            ProactiveBenchError: The next picture cannot be read.
        """
        if self._steps is None:
            raise UsageError("Begin an episode with reset().")
        self._steps.reply(action if isinstance(action, str) else letter(int(action)))
        observation, info = self._observe(self._steps)
        return observation, self._steps.reward(self._suggestion_reward), self._steps.request is None, False, info

    def close(self) -> None:
        """Leaves the episode."""
        if self._steps is not None:
            self._steps.close()
        self._steps = None

    def _observe(self, steps: Steps) -> tuple[Observation, dict[str, Any]]:
        """What is seen now; after the end the last picture again, without options."""
        info: dict[str, Any] = {"id": self._id}
        if steps.played is not None:
            episode = steps.played.episode
            if episode.error is not None:
                raise ProactiveBenchError(f"{self._id}: {episode.error.message}")
            info |= {"scores": episode.scores, "record": episode.model_dump(mode="json", exclude_defaults=True)}
        options = np.zeros(MAX_TEXTS, np.int64)
        if steps.request is not None and steps.environment is not None:
            asked = steps.request.messages[-1]
            assert asked.picture is not None
            image = load_picture(asked.picture).resize((self._size, self._size))
            self._picture = np.asarray(image, np.uint8)
            shown = steps.environment.observe().options
            options[: len(shown)] = [self._number[text] for text in shown]
            info |= {"question": asked.text, "texts": shown}
        return {"picture": self._picture.copy(), "options": options}, info


gymnasium.register("ProactiveBench-v0", entry_point=f"{__name__}:ProactiveBenchEnv")
