"""Classes of models that others write: where they come from, and what is wrong with them in one sentence.

Such a class is known by its first mistakes: a `reply` without `async`, a number in place of a text, an identity that is
not JSON. Each ends the run with the name of the class, what was expected and the line that led to it.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.models.base import Model, Request


def load_class(spec: str, kinds: Iterable[str]) -> Model:
    """The model of a class, found as Python finds it from the working directory.

    Args:
        spec: `module:Class`.
        kinds: Names of the kinds of models that stand before a colon, for the message.

    Raises:
        UsageError: There is no such class, it is not a model, or it cannot be created.
    """
    name, _, attribute = spec.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            known = ", ".join(f"{kind}:" for kind in kinds)
            raise UsageError(
                f"{spec}: there is no {name}.py in {here}, and no kind of model of that name ({known})."
            ) from None
        raise UsageError(f"{spec} cannot be imported: {_describe(error)}") from error
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, Model)):
        raise UsageError(
            f"{spec}: {module.__file__} has no subclass of proactivebench.models.base.Model called {attribute}."
        )
    try:
        return OwnModel(found())
    except ProactiveBenchError:
        raise
    except Exception as error:
        raise UsageError(f"{spec} cannot be created: {_describe(error)}") from error


class OwnModel(Model):
    """A model of somebody's own class, held to what `Model` says.

    Args:
        model: The model; all but its mistakes passes through.

    Raises:
        UsageError: When asked for its identity, which is not as it should be.
    """

    def __init__(self, model: Model):
        self._model = model
        self._name = type(model).__name__
        self.concurrency, self.group, self.draws = model.concurrency, model.group, model.draws

    async def reply(self, request: Request) -> str:
        try:
            answering: object = self._model.reply(request)
            if not inspect.isawaitable(answering):
                raise UsageError(f"{self._name}.reply is not asynchronous: write `async def reply(self, request)`.")
            reply = await answering
        except ProactiveBenchError:
            raise
        except Exception as error:
            raise UsageError(f"{self._name}.reply failed: {_describe(error)}") from error
        if not isinstance(reply, str):
            raise UsageError(f"{self._name}.reply returned {_shown(reply)}; it must return the model's answer, a text.")
        return reply

    def identity(self) -> Mapping[str, object]:
        identity: object = self._model.identity()
        if not isinstance(identity, Mapping) or not isinstance(identity.get("model"), str):
            wanted = "a mapping with the model's name, such as {'model': 'mine'}"
            raise UsageError(f"{self._name}.identity returned {_shown(identity)}; it must return {wanted}.")
        for name, value in identity.items():
            try:
                json.dumps({name: value})
            except (TypeError, ValueError):
                wanted = "numbers, texts, lists and mappings of them alone, for run.json"
                raise UsageError(f"{self._name}.identity has {_shown(value)} as {name!r}; write {wanted}.") from None
        return identity

    def machine(self) -> Mapping[str, object]:
        return self._model.machine()

    def expect(self, episodes: int) -> None:
        self._model.expect(episodes)

    async def close(self) -> None:
        await self._model.close()


def _shown(value: object) -> str:
    return f"{ascii(value)[:80]} ({type(value).__name__})"


def _describe(error: Exception) -> str:
    """An error in a user's code, with the last line of that code which led to it."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    places = [f" ({f.filename}, line {f.lineno})" for f in frames if Path(f.filename).is_relative_to(Path.cwd())]
    return f"{type(error).__name__}: {error}{places[-1] if places else ''}"
