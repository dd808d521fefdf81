"""Few-shot examples: solved episodes of other objects, put in front of the question.

Their frames keep their size, as in the paper. For one model (Phi-4) the paper shrank them, and of three MVP-N examples
showed only the first and the last turn; `shrink_examples` does that. With history all pictures are small.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from proactivebench.errors import UsageError
from proactivebench.evaluation.settings import Settings, derive_seed
from proactivebench.frames import Frames
from proactivebench.models.base import Message
from proactivebench.prompts import multiple_choice
from proactivebench.scenarios import Sample, Scenario, make_environment
from proactivebench.scenarios.examples import solvable, solve
from proactivebench.views import HISTORY_SHORT_EDGE


def check_examples(scenarios: Iterable[Scenario], settings: Settings) -> None:
    """Checks that there are examples of every scenario that is to be played with some.

    Raises:
        UsageError: The paper gives none of one of them.
    """
    without = [scenario.name for scenario in scenarios if scenario.example is None]
    if settings.shots and without:
        alone = " ".join(f"--scenario {name}" for name in solvable())
        raise UsageError(
            f"Few-shot examples exist for {' and '.join(solvable())} alone, not for {', '.join(without)}: play with "
            f"{alone}."
        )


def examples_for(sample: Sample, others: Sequence[Sample], settings: Settings, frames: Frames) -> tuple[Message, ...]:
    """The messages of the solved episodes that precede a sample; none without shots.

    Args:
        sample: The sample to be played.
        others: All samples of its scenario; those with the same answer or the same source are never examples.
        settings: How many examples, and the seed that chooses them.
        frames: The frames of its scenario.

    Raises:
        UsageError: The benchmark has too few other objects.
    """
    if not settings.shots:
        return ()
    rng = random.Random(derive_seed(settings.seed, sample.scenario.name, sample.id, "examples"))
    fitting = [other for other in others if other.answer != sample.answer and other.source != sample.source]
    if len(fitting) < settings.shots:
        raise UsageError(
            f"{sample.scenario.name} sample {sample.id} needs {settings.shots} examples of other objects, but the "
            f"benchmark has {len(fitting)}."
        )
    short_edge = HISTORY_SHORT_EDGE if settings.history else None
    how = sample.scenario.example
    if settings.shrink_examples and how:
        short_edge = how.small_edge
    messages: list[Message] = []
    for other in rng.sample(fitting, settings.shots):
        environment = make_environment(other, hint=settings.hint, short_edge=short_edge)
        example: list[Message] = []
        for observation, answer in solve(environment, rng):
            text = multiple_choice(observation.question, observation.options, short_answer=True)
            picture = frames.picture(observation.frame_path, observation.view)
            example += [Message("user", text, picture), Message("assistant", answer)]
            environment.step(answer)
        if settings.shrink_examples and settings.shots == 3 and how and how.shortened:
            example = [*example[:2], *example[-2:]]
        messages += example
    return tuple(messages)
