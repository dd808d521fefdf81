"""The published interface to environments: names, arguments, attributes and dictionary keys of the published package.

A thin face on `proactivebench.scenarios`; new code uses those. What people's scripts may read is held against the
published package itself in the tests: every public attribute, after construction and after each turn.
"""

from __future__ import annotations

import random as random_module
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from proactivebench import scenarios
from proactivebench.errors import UsageError
from proactivebench.scenarios import Action, AnyAction, Scenario, get_scenario, make_environment
from proactivebench.scenarios.coco import HORIZONTAL, VERTICAL, CocoEnvironment, offset
from proactivebench.scenarios.examples import solve
from proactivebench.views import HISTORY_SHORT_EDGE

(
    STOP, LEFT, RIGHT, REWIND, FORWARD, ROTATE, BRIGHTNESS, CONTRAST, SATURATE, BLUR, NOISE, JPEG_COMPRESSION, PIXELATE,
    ARTIFACTS, DETAILS, UP, DOWN, ZOOM,
) = map(int, Action)  # fmt: skip


def _as_it_is(image: Image.Image) -> Image.Image:
    return image


def _draw(turn: int, actions: Sequence[AnyAction]) -> AnyAction:
    return random_module.choice(actions)


class BaseEnvironment:
    """One episode of one sample; the keys of the sample are attributes too.

    Args:
        entry: The sample, as a mapping with the keys of its JSONL line.
        data_dir: The benchmark's folder or the folder `test` inside it, which holds the frames' folders.
        resize_samples: Resize the short edge of the frames to 224 pixels; crops keep their size.
        reference: Show the reference frame once, with the categories alone.
        random: Random options: every suggestion of the entry (which the caller has replaced) is right, and carries out
            an action that the module `random` draws.
        verbose: Print every answer and how it was read.

    Attributes:
        action: Code of what the last answer did; None before the first.
        correct_options: The suggestions that are ever right.
        action_space: Codes of what answers can do.
    """

    scenario: ClassVar[Scenario]

    def __init__(
        self,
        entry: Mapping[str, Any],
        data_dir: str,
        resize_samples: bool = False,
        reference: bool = False,
        random: bool = False,
        verbose: bool = False,
    ):
        self._entry = {"valid_images": self._frame_numbers(entry["num_images"]), **entry}
        self.data_dir, self.resize_samples, self.reference = data_dir, resize_samples, reference
        self.random, self.verbose = random, verbose
        self._environment = environment = make_environment(
            self.scenario.sample.lenient(self._entry),
            reference=reference,
            short_edge=HISTORY_SHORT_EDGE if resize_samples else None,
            draw=_draw if random else None,
        )
        self._frames = _folder_of_frames(data_dir, self.scenario)
        self.pre_prompt, self.reference_prompt = self.scenario.pre_prompt, self.scenario.reference_question
        example = self.scenario.example
        self.hint_prompt, self.cot_prompt = environment.hint_text(), example and example.reasoning
        self.action_map = {
            text: int(action) for cls in _CLASSES.values() for text, action in cls.scenario.keywords.items()
        }
        self.action_space = (STOP, *map(int, environment.actions()))
        self.correct_options = environment.useful()
        self.correct_categories = [environment.sample.answer]
        self.index_correct_options = {place for place, text in enumerate(self.options) if text in self.correct_options}
        self.index_correct_category = self.categories.index(self.answer)
        self.generated_answer_history: list[str] = []
        self.action_evaluation_history: list[str] = []
        self.category_evaluation_history: list[str] = []
        self.image_id_history: list[int] = []
        self.action_history: list[int] = []
        self._look()

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_entry", ()):
            return self._entry[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _frame_numbers(self, count: int) -> list[int]:
        return list(range(count))

    def _look(self) -> None:
        """Takes over what is true of the present turn."""
        now = self._environment
        self.stop, self.correct_prediction = now.done, now.correct
        self.num_turns, self.max_steps, self.image_id = now.turn, now.max_turns, now.frame_number
        self.action = None if now.action is None else int(now.action)

    def get_state(self, hint: bool = False) -> dict[str, Any]:
        """The current turn: `image_path`, `prompt`, `options` and `transform`, a function from picture to picture."""
        self._environment.hint = hint
        observation = self._environment.observe()
        return {
            "image_path": f"{self._frames}/{observation.frame_path}",
            "prompt": observation.question,
            "options": list(observation.options),
            "transform": observation.view or _as_it_is,
        }

    def evaluate_generated_answer(self, generated_answer: str) -> None:
        """Reads an answer and moves on; one after the end is read like any other."""
        self.image_id_history.append(self.image_id)
        verdict = self._environment.step(generated_answer)
        self.generated_answer_history.append(generated_answer)
        self.action_evaluation_history.append(verdict.suggestion.outcome.value)
        self.category_evaluation_history.append(verdict.category.outcome.value)
        self.action_history.append(int(verdict.action))
        self._look()
        if self.verbose:
            print({name: history[-1] for name, history in self.get_statistics().items() if isinstance(history, list)})

    def get_statistics(self) -> dict[str, Any]:
        """What happened so far; `max_steps` tells whether the last turn was reached."""
        return {
            "num_turns": self.num_turns,
            "generated_answers": self.generated_answer_history,
            "action_evaluations": self.action_evaluation_history,
            "category_evaluations": self.category_evaluation_history,
            "correct_prediction": self.correct_prediction,
            "image_id_history": self.image_id_history,
            "action_history": self.action_history,
            "max_steps": self.num_turns == self.max_steps,
        }

    def get_open_ended_gen_answers(self) -> str:
        """The valid answers of the open-ended setting, as one comma-separated string."""
        return self._environment.published_open_answers()

    def get_icl_example(
        self, hint: bool = False, cot: bool = False, resize: bool = False, reduce_icl_steps: bool = False
    ) -> list[dict[str, Any]]:
        """Plays a solved episode: the states of `get_state`, each with its `generated_answer`.

        The category that ends a ROD example is not played, as in the published package.

        Args:
            hint: As in `get_state`.
            cot: Put a sentence of reasoning in front of each suggestion.
            resize: Shrink these frames: short edge 512 pixels (ROD) or 112 (MVP-N).
            reduce_icl_steps: Leave out what is between the first and the last turn.

        Raises:
            UsageError: The paper gives no examples of this scenario.
        """
        own_size = self._environment.short_edge
        if resize:
            self._environment.short_edge = self.scenario.example.small_edge if self.scenario.example else None
        steps = []
        for turn in solve(self._environment, random_module, reasoning=cot):
            steps.append({**self.get_state(hint), "generated_answer": turn.answer})
            if self.scenario is scenarios.MVPN or turn.answer != self._environment.sample.answer:
                self.evaluate_generated_answer(turn.answer)
        self._environment.short_edge = own_size
        return steps[:1] + steps[1:][-1:] if reduce_icl_steps else steps


class RealisticOcclusionDatasetEnvironment(BaseEnvironment):
    """Occluded object."""

    scenario = scenarios.ROD


class OcclusionDataSetMM20Environment(BaseEnvironment):
    """Temporal occlusion."""

    scenario = scenarios.VSOD


class MVPNEnvironment(BaseEnvironment):
    """Uninformative view."""

    scenario = scenarios.MVPN


class ImageNetCEnvironment(BaseEnvironment):
    """Bad image quality."""

    scenario = scenarios.IN_C

    def _frame_numbers(self, count: int) -> list[int]:
        return [1, 2, 3, 4, 5]


class QuickDrawEnvironment(BaseEnvironment):
    """Coarse sketch."""

    scenario = scenarios.QD


class ChangeItEnvironment(BaseEnvironment):
    """The answer is elsewhere in the video."""

    scenario = scenarios.CIT


class COCO2014Environment(BaseEnvironment):
    """Cropped view; the steps are the pixels by which the view has moved, with the first."""

    scenario = scenarios.COCO

    def _look(self) -> None:
        super()._look()
        now = self._environment
        assert isinstance(now, CocoEnvironment)
        across, along = now.steps_along(HORIZONTAL), now.steps_along(VERTICAL)
        wide, high = now.sample.horizontal_step, now.sample.vertical_step
        self.num_horizontal_turns, self.num_vertical_turns = max(0, across - 1), max(0, along - 1)
        self.horizontal_step, self.vertical_step = offset(wide, max(1, across)), offset(high, max(1, along))
        self.max_horizontal_step = now.farthest(wide) if across else 0
        self.max_vertical_step = now.farthest(high) if along else 0


_CLASSES = {cls.scenario.name: cls for cls in BaseEnvironment.__subclasses__()}

PUBLISHED_SCENARIOS = tuple(cls.scenario for cls in _CLASSES.values())
"""The seven of the published package; what plug-ins bring is not among them."""


def get_environment(dataset: str) -> type[BaseEnvironment]:
    """The environment class of a scenario, by its dataset or short name.

    Raises:
        UsageError: There is no such scenario, or the published package does not have it.
    """
    scenario = get_scenario(dataset)
    if scenario.name not in _CLASSES:
        raise UsageError(f"The published interface has no {scenario.name}: use `proactivebench.scenarios` for it.")
    return _CLASSES[scenario.name]


def _folder_of_frames(folder: str, scenario: Scenario) -> str:
    """The folder that frame paths start from; one that does not exist is taken as it is."""
    here, inside = str(folder).removesuffix("/"), Path(folder, "test")
    return f"{here}/test" if inside.is_dir() and not Path(folder, scenario.dataset).exists() else here
