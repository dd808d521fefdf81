"""`scripted:` models: behaviours without a network, which mark out what the scores mean.

They alone look at the environment instead of the picture. The oracle behaves like a person who recognises a thing once
the reference frame is in view, and asks for the shortest way there before.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from functools import partial

from proactivebench import prompts
from proactivebench.errors import UsageError
from proactivebench.models.base import Model, Request
from proactivebench.open_ended import free_reply, judged_texts
from proactivebench.scenarios import Environment, is_abstention
from proactivebench.scenarios.check import way_to_reference
from raw_sources.plugins import hint

Behaviour = Callable[[Environment, random.Random], str]


def _guess(environment: Environment, rng: random.Random) -> str:
    return rng.choice(environment.sample.categories)


def _abstain(environment: Environment, rng: random.Random) -> str:
    return next(filter(is_abstention, environment.options), "I do not know.")


def _random(environment: Environment, rng: random.Random) -> str:
    return rng.choice(environment.options)


def _ask(environment: Environment, rng: random.Random) -> str:
    asking = environment.accepted
    if not asking and environment.turn == 0:  # it does not look whether suggestions make sense
        asking = environment.suggestions
    return rng.choice(asking) if asking else _guess(environment, rng)


def _oracle(environment: Environment, rng: random.Random) -> str:
    if not (environment.suggestions or environment.shows_answer()):
        return _guess(environment, rng)  # it may not ask, and does not know yet
    way = way_to_reference(environment)
    return way[0] if way else environment.sample.answer


_BEHAVIOURS: dict[str, Behaviour] = {
    "oracle": _oracle,
    "ask": _ask,
    "abstain": _abstain,
    "random": _random,
    "guess": _guess,
}


class ScriptedModel(Model):
    """A behaviour as a model.

    Args:
        name: `oracle` (asks until it sees the answer), `ask` (asks while it can, then guesses; its first answer is a
            suggestion even where none is right), `abstain`, `random` (any of the shown options) or `guess` (any
            category).

    Raises:
        UsageError: There is no such behaviour.
    """

    def __init__(self, name: str):
        if name not in _BEHAVIOURS:
            raise UsageError(f"There is no scripted model {name!r}. {hint(name, [*SCRIPTED])}")
        self._name = name
        self._behaviour = _BEHAVIOURS[name]

    async def reply(self, request: Request) -> str:
        if request.environment is None:
            raise UsageError(f"scripted:{self._name} plays episodes; as a judge take scripted:match.")
        option = self._behaviour(request.environment, random.Random(request.seed))
        shown = prompts.shows_options(request.messages[-1].text)
        return option if shown else free_reply(option, request.environment)

    def identity(self) -> Mapping[str, object]:
        return {"model": f"scripted:{self._name}"}


class MatchingJudge(Model):
    """`scripted:match`: a judge without a network that accepts a valid answer where the reply contains its words.

    Good for trying things out and for tests; it knows no synonyms.
    """

    async def reply(self, request: Request) -> str:
        answers, reply = judged_texts(request.messages[-1].text)
        if not any(answers):
            raise UsageError("scripted:match reads our own question alone; leave the user's text out of the file.")
        return ", ".join(str(int(_plain(answer) in _plain(reply))) for answer in answers)

    def identity(self) -> Mapping[str, object]:
        return {"model": "scripted:match"}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower().replace("_", " ")))


SCRIPTED: Mapping[str, Callable[[], Model]] = {
    **{name: partial(ScriptedModel, name) for name in _BEHAVIOURS},
    "match": MatchingJudge,
}
"""Name after `scripted:` -> what makes the model."""
