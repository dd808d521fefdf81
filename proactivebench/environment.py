"""The published interface to environments, names and dictionary keys as readers of the published README know them.

A thin face on `proactivebench.environments`; new code uses those.
"""

from __future__ import annotations

import random as random_module
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from proactivebench import open_ended
from proactivebench.environments import make_environment
from proactivebench.environments.examples import solve
from proactivebench.environments.foreign import with_foreign_suggestions
from proactivebench.samples import Sample, lenient_sample
from proactivebench.scenarios import MVPN, SCENARIOS, Scenario, get_scenario
from proactivebench.views import HISTORY_SHORT_EDGE


class PublishedEnvironment:
    """One episode of one sample.

    Args:
        entry: The sample, as a mapping with the keys of its JSONL line.
        data_dir: The benchmark's folder or the folder `test` inside it, which holds the frames' folders.
        resize_samples: Resize the short edge of the frames to 224 pixels.
        reference: Show the reference frame once, with the categories alone.
        random: Replace the suggestions by suggestions of other scenarios.
        verbose: Print every answer and how it was read.

    Attributes:
        stop: Whether the episode has ended.
    """

    scenario: ClassVar[Scenario]

    def __init__(
        self,
        entry: Mapping[str, Any] | Sample,
        data_dir: str,
        resize_samples: bool = False,
        reference: bool = False,
        random: bool = False,
        verbose: bool = False,
    ):
        sample = entry if isinstance(entry, Sample) else lenient_sample(self.scenario, dict(entry))
        if random:
            sample = with_foreign_suggestions(sample, random_module.Random(sample.id))
        self._environment = make_environment(
            sample, reference=reference, short_edge=HISTORY_SHORT_EDGE if resize_samples else None
        )
        self._frames = _folder_of_frames(Path(data_dir), self.scenario)
        self._verbose = verbose
        self._history: dict[str, list[Any]] = {
            "generated_answers": [],
            "action_evaluations": [],
            "category_evaluations": [],
            "image_id_history": [],
            "action_history": [],
        }

    @property
    def stop(self) -> bool:
        return self._environment.done

    def get_state(self, hint: bool = False) -> dict[str, Any]:
        """The current turn: `image_path`, `prompt`, `options` and `transform` (a function of a picture, or None)."""
        self._environment.hint = hint
        observation = self._environment.observe()
        return {
            "image_path": (self._frames / observation.image).as_posix(),
            "prompt": observation.question,
            "options": list(observation.options),
            "transform": observation.view,
        }

    def evaluate_generated_answer(self, generated_answer: str) -> None:
        """Reads an answer and moves on."""
        image = self._environment.image
        verdict = self._environment.step(generated_answer)
        turn = {
            "generated_answers": generated_answer,
            "action_evaluations": verdict.suggestion.outcome.value,
            "category_evaluations": verdict.category.outcome.value,
            "image_id_history": image,
            "action_history": int(verdict.action),
        }
        for key, value in turn.items():
            self._history[key].append(value)
        if self._verbose:
            print(turn)

    def get_statistics(self) -> dict[str, Any]:
        """What happened so far; `max_steps` tells whether all turns were used."""
        return {
            "num_turns": self._environment.turn,
            **self._history,
            "correct_prediction": self._environment.correct,
            "max_steps": self._environment.turn >= self._environment.max_turns,
        }

    def get_open_ended_gen_answers(self) -> str:
        """The valid answers of the open-ended setting, as one comma-separated string."""
        return open_ended.published_text(self._environment.sample)

    def get_icl_example(
        self, hint: bool = False, cot: bool = False, resize: bool = False, reduce_icl_steps: bool = False
    ) -> list[dict[str, Any]]:
        """Plays a solved episode: the states of `get_state`, each with its `generated_answer`.

        The category that ends a ROD example is not played, as in the published package.
        """
        self._environment.hint = hint
        self._environment.short_edge = HISTORY_SHORT_EDGE if resize else self._environment.short_edge
        ahead = make_environment(self._environment.sample)
        turns = solve(ahead, random_module.Random(self._environment.sample.id), reasoning=cot)
        steps = []
        for turn in turns:
            steps.append({**self.get_state(hint), "generated_answer": turn.answer})
            if turn is not turns[-1] or self.scenario is MVPN:
                self.evaluate_generated_answer(turn.answer)
        return [steps[0], steps[-1]] if reduce_icl_steps else steps


def _folder_of_frames(folder: Path, scenario: Scenario) -> Path:
    """The folder that frame paths start from; one that does not exist is taken as it is."""
    inside = folder / "test"
    return inside if inside.is_dir() and not (folder / scenario.dataset).exists() else folder


def _class_of(scenario: Scenario) -> type[PublishedEnvironment]:
    name = f"{scenario.dataset.replace('-', '')}Environment"
    return type(name, (PublishedEnvironment,), {"scenario": scenario})


_CLASSES = {scenario.name: _class_of(scenario) for scenario in SCENARIOS.values()}


def get_environment(dataset: str) -> type[PublishedEnvironment]:
    """The environment class of a scenario, by its dataset or short name.

    Raises:
        UsageError: There is no such scenario.
    """
    return _CLASSES[get_scenario(dataset).name]
