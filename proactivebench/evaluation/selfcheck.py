"""Are a model's numbers sound on this machine? The model itself is asked, before a long run.

The first questions of some samples are asked one by one and all at once, then with grey pictures of the same size; and
the samples are played undisturbed, and continued from the middle. Rounding tips a few replies when the batch is another
one; a mask, a padding or a cache that is wrong changes many. Between the two lies `ENOUGH`: of 64 replies of which each
tips with 3%, more than a tenth do less than once in 300 times.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from PIL import Image

from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, ReplyError
from proactivebench.evaluation import engine
from proactivebench.evaluation.concurrency import Pool, run_through
from proactivebench.evaluation.episodes import Task, user_message
from proactivebench.evaluation.plan import plan
from proactivebench.evaluation.run_log import EPISODES, PROMPTS, RUN, read_episodes
from proactivebench.evaluation.settings import Settings, derive_seed
from proactivebench.frames import Frames
from proactivebench.images import load_picture
from proactivebench.models.base import Model, Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.scenarios import Scenario, make_environment
from proactivebench.work.ranks import ALONE

ENOUGH = 0.9
"""Share of equal replies below which more than rounding is at work."""

FAILURES = 0.1
"""Share of the requests that may fail."""

Verdict = Literal["good", "mind", "bad", "not asked"]


@dataclass(frozen=True)
class Finding:
    """The answer to one question.

    Attributes:
        question: What was compared.
        equal: Number of equal replies.
        of: Number of replies that were compared.
        verdict: Whether the numbers are sound; `bad` alone says that they are not.
        reason: Why, in a sentence.
    """

    question: str
    equal: int
    of: int
    verdict: Verdict
    reason: str


def selfcheck(
    benchmark: Benchmark,
    scenarios: Sequence[Scenario],
    load: Callable[[], Model],
    samples: int,
    on_step: Callable[[str], None] = lambda step: None,
) -> list[Finding]:
    """Checks a model.

    Args:
        benchmark: Where the samples are.
        scenarios: Which of them to take; the samples are spread evenly over them.
        load: Loads the model; called three times, as a run that is continued loads it anew.
        samples: How many to take, at least one of each scenario.
        on_step: Told what is going on.

    Raises:
        ProactiveBenchError: Too many requests failed.
    """
    settings = Settings(limit=-(-samples // len(scenarios)))
    frames = Frames.of(benchmark, scenarios)
    requests = [_first(task, settings, frames) for task in plan(benchmark, scenarios, frames, settings).tasks()]
    with tempfile.TemporaryDirectory() as place:
        on_step("Asking one by one, all at once, and with grey pictures")
        greys = [_grey(request, Path(place)) for request in requests]
        model = load()
        looks = not isinstance(model, ScriptedModel)
        alone, together, grey = run_through(_ask(model, requests, greys))
        on_step("Playing undisturbed, and continuing from the middle")
        play = partial(engine.evaluate, benchmark, scenarios, settings=settings, max_errors=1.0)
        whole, continued = Path(place, "whole"), Path(place, "continued")
        play(load(), folder=whole)
        kept = copy_killed(whole, continued)
        play(load(), folder=continued)
        batched = _on_batches(list(zip(alone, together, strict=True)))
        seen = _on_pictures(list(zip(together, grey, strict=True)), batched.of - batched.equal, looks)
        return [batched, seen, _on_continuing(list(_turns(whole, continued, kept)))]


def _first(task: Task, settings: Settings, frames: Frames) -> Request:
    environment = make_environment(task.sample)
    asked = user_message(environment.observe(), settings, frames)
    return Request((asked,), environment, derive_seed(settings.seed, *task.key, 0))


def _grey(request: Request, folder: Path) -> Request:
    """The same request with a picture of the same size that shows nothing."""
    [asked] = request.messages
    assert asked.picture is not None
    size = load_picture(replace(asked.picture, view=None)).size
    path = folder / f"{size[0]}x{size[1]}.png"
    if not path.exists():
        Image.new("RGB", size, "grey").save(path)
    return replace(request, messages=(replace(asked, picture=replace(asked.picture, path=path, sha256=None)),))


class _Kept(Model):
    """A model that several crews ask one after the other, some of them one request at a time."""

    def __init__(self, model: Model, concurrency: int):
        self._model = model
        self.concurrency = concurrency

    async def reply(self, request: Request) -> str:
        return await self._model.reply(request)

    def identity(self) -> Mapping[str, object]:
        return self._model.identity()

    def expect(self, episodes: int) -> None:
        self._model.expect(episodes)


async def _ask(model: Model, requests: Sequence[Request], greys: Sequence[Request]) -> list[list[str | None]]:
    """Replies to the requests one by one, to all of them at once, and to the grey ones; None for those that failed."""
    failures: list[str] = []

    async def ask(asked: Sequence[Request], at_once: int) -> list[str | None]:
        replies: list[str | None] = [None] * len(asked)
        numbers = ALONE.share(([number] for number in range(len(asked))), len(asked))

        async def one(number: int) -> None:
            try:
                replies[number] = await model.reply(asked[number])
            except ReplyError as failure:
                failures.append(str(failure))

        await Pool(_Kept(model, at_once)).work_through(numbers.take, one)
        return replies

    try:
        passes = [await ask(requests, 1), await ask(requests, model.concurrency), await ask(greys, model.concurrency)]
    except* ProactiveBenchError as group:
        raise group.exceptions[0] from None
    finally:
        await model.close()
    if len(failures) > FAILURES * 3 * len(requests):
        raise ProactiveBenchError(f"{len(failures)} of {3 * len(requests)} requests failed. The first: {failures[0]}")
    return passes


def copy_killed(run: Path, copy: Path) -> int:
    """Leaves in another folder what a run is when it is killed in the middle; returns how many episodes are left."""
    copy.mkdir()
    for name in (RUN, PROMPTS):
        (copy / name).write_bytes((run / name).read_bytes())
    lines = (run / EPISODES).read_bytes().splitlines(keepends=True)
    kept = len(lines) // 2
    (copy / EPISODES).write_bytes(b"".join(lines[:kept]) + lines[kept][: len(lines[kept]) // 2])
    return kept


Pair = tuple[str | None, str | None]


def _turns(whole: Path, continued: Path, kept: int) -> Iterator[Pair]:
    """The replies of the episodes that were played again; after one that differs the conversation is another."""
    again = {episode.key: episode for episode in read_episodes(continued)}
    for episode in list(read_episodes(whole))[kept:]:
        for one, other in zip(episode.turns, again[episode.key].turns, strict=False):
            yield one.reply, other.reply
            if one.reply != other.reply:
                break


def _count(pairs: Sequence[Pair]) -> tuple[int, int]:
    compared = [one == other for one, other in pairs if one is not None and other is not None]
    return sum(compared), len(compared)


def _on_batches(pairs: Sequence[Pair]) -> Finding:
    return _within_rounding(
        "alone / in a batch",
        *_count(pairs),
        "the batch decides replies: look for a fault in the model's masks or padding, or play with --batch-size 1",
    )


def _on_continuing(pairs: Sequence[Pair]) -> Finding:
    return _within_rounding(
        "undisturbed / killed and continued",
        *_count(pairs),
        "the model does not repeat itself: a continued run would be a mixture of several",
    )


def _within_rounding(question: str, equal: int, of: int, fault: str) -> Finding:
    if equal == of:
        return Finding(question, equal, of, "good", "all are the same")
    if equal < ENOUGH * of:
        return Finding(question, equal, of, "bad", fault)
    tips = f"rounding tips {of - equal} of {of}; --deterministic repeats an hf: model's batches"
    return Finding(question, equal, of, "mind", tips)


def _on_pictures(pairs: Sequence[Pair], tipped: int, looks: bool) -> Finding:
    question = "with the picture / a grey one"
    if not looks:
        return Finding(question, 0, 0, "not asked", "scripted models look at the solution instead")
    equal, of = _count(pairs)
    changed = of - equal
    if changed > tipped:
        return Finding(question, equal, of, "good", f"the picture decides {changed} of {of}")
    many = "none" if not changed else f"{changed}, no more than the batch does,"
    return Finding(question, equal, of, "bad", f"of {of} replies the picture decides {many}: the model is blind")
