"""What a model is to the evaluator: something that answers one request.

The engine plays many episodes at once and awaits `reply` for each of their turns; how requests become batches, threads
or network calls is the model's own affair. A model that others write needs one class with `reply` and `identity`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from proactivebench.errors import ReplyError
from proactivebench.images import Picture, PictureError
from proactivebench.scenarios import Environment

__all__ = ["Message", "Model", "Picture", "PictureError", "Refusal", "Reply", "ReplyError", "Request"]
"""All that a model of one's own needs, in one place."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; a user's picture stands before its text."""

    role: Literal["system", "user", "assistant"]
    text: str
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One turn of one episode, as a model receives it.

    Attributes:
        messages: The conversation; the last message is the user's.
        environment: The episode that asks; None where a judge is asked. Only scripted models look at it.
        seed: Decides whatever is random in the reply; differs for every turn of a run, stays when the run is repeated.
        confidence: Whether to say how probable the reply is, of models that can.
    """

    messages: tuple[Message, ...]
    environment: Environment | None
    seed: int
    confidence: bool = False


class Reply(str):
    """An answer with what is known of it beside its words.

    Attributes:
        answered_by: The model that a server says it is of, where that is not the one that was asked.
        confidence: The probability that the model gave these words, 0 to 1.
        cut: Whether it ended because it reached the limit of tokens, and not by itself.
        seconds: How long it took, where that is worth keeping: of a person. Of a model that answers many requests at
            once it would say more about the others.
        tokens: How many tokens the model generated for it, its thinking and the one that ends it among them.
    """

    __slots__ = ("answered_by", "confidence", "cut", "seconds", "tokens")
    answered_by: str | None
    confidence: float | None
    cut: bool
    seconds: float | None
    tokens: int | None

    def __new__(
        cls,
        text: str = "",
        answered_by: str | None = None,
        confidence: float | None = None,
        *,
        cut: bool = False,
        seconds: float | None = None,
        tokens: int | None = None,
    ) -> Self:
        reply = super().__new__(cls, text)
        reply.answered_by = answered_by
        reply.confidence = confidence
        reply.cut = cut
        reply.seconds = seconds
        reply.tokens = tokens
        return reply


class Refusal(Reply):
    """The words with which a model declines to answer, perhaps none: an answer like any other, counted as refused."""

    __slots__ = ()


class Model(ABC):
    """Answers requests, as many at a time as `concurrency` says.

    Attributes:
        concurrency: Episodes that the engine keeps in play at once.
        group: Where more than 1, as many episodes as `concurrency` says are played together to the end of the last of
            them before others begin, always the same ones, so that a reply may depend on its neighbours.
        draws: Whether a reply depends on the request's seed, or on chance. Of one that does not, a cache keeps one.
    """

    concurrency: int = 64
    group: int = 1
    draws: bool = True

    @abstractmethod
    async def reply(self, request: Request) -> str:
        """The model's literal answer; a `Refusal` where the model is known to have declined.

        Raises:
            ReplyError: There is no answer; the episode ends as an error of that kind.
        """

    @abstractmethod
    def identity(self) -> Mapping[str, object]:
        """All that decides the replies (name, revision, precision, picture limits ...), as JSON values."""

    def machine(self) -> Mapping[str, object]:
        """What may tip single replies and measures nothing (device, batch size ...), as JSON values.

        It is kept for each session of a run, and a run may be continued with another.
        """
        return {}

    def expect(self, episodes: int) -> None:
        """Told by the engine whenever the number of live episodes changes; each has at most one request waiting.

        A model that forms batches starts one as soon as that many requests wait, and so never waits on a timer.
        """

    async def close(self) -> None:
        """Releases threads, connections and memory; called once after the last reply."""
