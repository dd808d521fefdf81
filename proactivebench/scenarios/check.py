"""Looking ahead in an environment: the way to the reference frame, and what is wrong with a sample.

`check_environment` is for people who build or edit samples. It reports what the schema cannot see: a suggestion that
the published package does not understand, texts that a reader of answers cannot tell apart, a way that leads to frames
that are not there, a reference frame that no suggestion leads to. What it calls sound, the published package plays.
"""

from __future__ import annotations

import copy
from collections import Counter, deque

from proactivebench.answers import normalise
from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.reach import states
from proactivebench.scenarios.registry import make_environment
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import is_abstention


def way_to_reference(environment: Environment) -> list[str] | None:
    """The fewest suggestions that bring the reference frame into view, in time for an answer.

    Args:
        environment: The episode at its present turn; it stays as it is.

    Returns:
        Suggestions in order, none where the frame is in view already; None where there is no way.
    """
    queue: deque[tuple[Environment, list[str]]] = deque([(environment, [])])
    seen = set()
    while queue:
        here, way = queue.popleft()
        if here.shows_answer():
            return way
        place = (here.frame_path(), here.crop())
        if place in seen or here.last_turn:
            continue
        seen.add(place)
        for suggestion in here.accepted:
            ahead = copy.copy(here)
            ahead.step(suggestion)
            queue.append((ahead, [*way, suggestion]))
    return None


def ambiguous(texts: tuple[str, ...], name: str) -> list[str]:
    """Texts that a reader of answers cannot tell apart, one sentence each, starting with the name of their field.

    One that reads like nothing (`B.`, for that is a letter) cannot be told from an empty answer.
    """
    counts = Counter(["", *map(normalise, texts)])
    return [
        f"{name}: {text!r} reads like another one or an empty answer ({normalise(text)!r})"
        for text in texts
        if counts[normalise(text)] > 1
    ]


def _without_placeholders(sample: Sample) -> str:
    template = sample.image_template
    for name in sample.scenario.placeholders:
        template = template.replace(f"{{{name}}}", "")
    return template


def check_environment(sample: Sample) -> list[str]:
    """Plays a sample through and says what is inconsistent in it.

    Returns:
        One sentence per problem, starting with the field it is about; none for a sound sample.
    """
    suggestions = [option for option in sample.options if not is_abstention(option)]
    problems = [f"options: {flaw}" for flaw in map(sample.scenario.flaw_of, suggestions) if flaw]
    if not suggestions:
        problems.append("options: there is no proactive suggestion")
    if len(suggestions) == len(sample.options):
        problems.append("options: there is no abstention (an option with `cannot` or `do not`)")
    problems += ambiguous(sample.options, "options") + ambiguous(sample.categories, "categories")
    if {"{", "}"} & set(_without_placeholders(sample)):
        problems.append("image_template: there must be no braces but those of the placeholders")
    try:
        environment = make_environment(sample)
        problems += environment.flaws()
        for state in states(environment):
            if state.frame_number not in state.frames():
                number = state.frame_number
                problems.append(f"num_images: the way leads to frame {number}, which is outside of the sequence")
                break
        if environment.shows_answer():
            problems.append("reference_image: the first frame shows it already, so there is nothing to ask for")
        elif way_to_reference(environment) is None:
            problems.append(
                f"reference_image: no suggestions lead to frame {sample.reference_image} within "
                f"{environment.max_turns} turns from frame {sample.first_image}"
            )
    except (IndexError, KeyError) as error:
        problems.append(f"the episode cannot be played: {error!r}")
    return problems
