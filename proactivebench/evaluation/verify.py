"""Whether a run is what it claims: its data are those that it names, and its numbers follow from its replies.

Every episode is played again with the replies that the run recorded, against the benchmark itself: prompts, frames, the
reading of each answer, every step and the scores must come out as they are written down. What this cannot show is that
a model gave the replies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from proactivebench.answers import without_thinking
from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError
from proactivebench.evaluation.concurrency import run_through
from proactivebench.evaluation.engine import PROTOCOL
from proactivebench.evaluation.episodes import Task, play
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import JudgedReply, read_judgements, run_metrics
from proactivebench.evaluation.plan import plan
from proactivebench.evaluation.records import Episode, Turn, text_hash
from proactivebench.evaluation.run_log import METRICS, RUN, read_episodes, read_prompts, read_run
from proactivebench.evaluation.settings import Settings
from proactivebench.frames import Frames, data_identity
from proactivebench.models.base import Model, Refusal, Reply, ReplyError, Request
from proactivebench.open_ended import read_judgement
from proactivebench.scenarios import get_scenario
from proactivebench.work.files import parse_json

SHOWN = 5
"""Problems of one kind that are spelled out."""


def verify_run(folder: Path, benchmark: Benchmark) -> list[str]:
    """What is wrong with a run, a sentence each; nothing where it is what it claims.

    Args:
        folder: The run's folder, perhaps a stranger's.
        benchmark: What it says that it was played on.

    Raises:
        ProactiveBenchError: It cannot be read.
    """
    problems: list[str] = []
    for found in (_identity, _episodes, _scores):
        new = list(found(folder, benchmark))
        problems += new[:SHOWN] + ([f"{len(new) - SHOWN} more like these."] if len(new) > SHOWN else [])
        if new and found is _identity:  # nothing else means anything on other data
            break
    return problems


def _identity(folder: Path, benchmark: Benchmark) -> Iterator[str]:
    run = read_run(folder)
    protocol = parse_json((folder / RUN).read_bytes()).get("protocol")
    if protocol != PROTOCOL:
        yield f"It follows the protocol {protocol!r}, this toolkit {PROTOCOL!r}."
    scenarios = [get_scenario(name) for name in run.scenarios]
    if missing := [one.name for one in scenarios if one not in benchmark.scenarios]:
        yield f"It played {', '.join(missing)}, which {benchmark.folder} does not hold."
        return
    there = data_identity(benchmark, scenarios, Frames.of(benchmark, scenarios), filtered=run.settings.filtered)
    said = run.data.model_dump()
    for kind in ("samples", "frames", "kept_ids"):
        other = [one.name for one in scenarios if there[kind][one.name] != said[kind].get(one.name)]
        if other:
            yield f"Its {kind} of {', '.join(other)} are others than those in {benchmark.folder}."


def _episodes(folder: Path, benchmark: Benchmark) -> Iterator[str]:
    run = read_run(folder)
    scenarios = [get_scenario(name) for name in run.scenarios]
    frames = Frames.of(benchmark, scenarios)
    planned = plan(benchmark, scenarios, frames, run.settings)
    tasks = {task.key: task for task in planned.tasks()}
    if run.parts != planned.parts:
        yield "run.json says that it plays other numbers of samples than its settings do."
    texts = read_prompts(folder)
    if false := [name for name, text in texts.items() if text_hash(text) != name]:
        yield f"prompts.jsonl has {len(false)} texts that are not those of their hashes, such as {false[0]}."
    seen = set()
    for episode in read_episodes(folder):
        seen.add(episode.key)
        name = f"{episode.scenario} sample {episode.id}" + (f", repeat {episode.repeat}" if episode.repeat else "")
        if episode.key not in tasks:
            yield f"{name}: its settings do not play that episode."
            continue
        again = _again(episode, tasks[episode.key], run.settings, frames)
        wrong = [field for field in Episode.model_fields if getattr(again, field) != getattr(episode, field)]
        if wrong and not (episode.error and not episode.turns):
            yield f"{name}: played again with its replies, {' and '.join(wrong)} come out different."
        elif unknown := [turn.prompt for turn in episode.turns if turn.prompt not in texts]:
            yield f"{name}: prompts.jsonl lacks the text {unknown[0]}."
    if missing := len(tasks.keys() - seen):
        yield f"{missing:,} of {len(tasks):,} episodes are missing."


def _again(episode: Episode, task: Task, settings: Settings, frames: Frames) -> Episode:
    """The episode as it comes out when it is played with the recorded replies."""
    replies = Recorded(episode)
    judge = Judge(RecordedJudge(episode)) if any(turn.judge is not None for turn in episode.turns) else None
    return run_through(play(task, replies, settings, frames, judge)).episode


class Recorded(Model):
    """Gives the recorded replies of one episode, and at their end the recorded error."""

    def __init__(self, episode: Episode):
        self._turns: Iterator[Turn] = iter(episode.turns)
        self._error = episode.error

    async def reply(self, request: Request) -> str:
        turn = next(self._turns, None)
        if turn is None:
            error = ReplyError(self._error.message if self._error else "No reply was recorded.")
            error.kind = self._error.kind if self._error else error.kind
            raise error
        kind = Refusal if turn.refused else Reply
        reply, seconds, tokens = turn.reply, turn.seconds, turn.tokens
        return kind(reply, turn.answered_by, turn.confidence, cut=turn.cut, seconds=seconds, tokens=tokens)

    def identity(self) -> Mapping[str, object]:
        return {}


class RecordedJudge(Model):
    """Gives what the judge of an episode said."""

    def __init__(self, episode: Episode):
        self._outputs = iter([turn.judge or "" for turn in episode.turns])

    async def reply(self, request: Request) -> str:
        return next(self._outputs, "")

    def identity(self) -> Mapping[str, object]:
        return {}


def _scores(folder: Path, benchmark: Benchmark) -> Iterator[str]:
    run = read_run(folder)
    episodes = {episode.key: episode for episode in read_episodes(folder)}
    judgements = list(read_judgements(folder))
    for judged in judgements:
        if not _follows(judged, episodes[judged.key]):
            yield f"{judged.scenario} sample {judged.id}: the judge's output does not say what its judgement says."
    try:
        written = parse_json((folder / METRICS).read_bytes())
    except (OSError, ValueError) as error:
        raise ProactiveBenchError(
            f"{folder / METRICS} cannot be read ({error}); was the run played to its end?"
        ) from None
    if not isinstance(written, dict):
        yield "metrics.json does not hold scores."
        return
    metrics = json.loads(json.dumps(run_metrics(episodes.values(), judgements, run.settings.seed)))
    if written != metrics:
        names = sorted(name for name in written.keys() | metrics.keys() if written.get(name) != metrics.get(name))
        yield f"metrics.json says other {' and '.join(names)} than its episodes."


def _follows(judged: JudgedReply, episode: Episode) -> bool:
    """Whether a judgement is what the judge's output says."""
    if judged.error is not None:
        return True
    said = without_thinking(judged.output) or ""
    found = read_judgement(said, len(episode.valid_replies), get_scenario(judged.scenario))
    return found is not None and (found.suggestion, found.category) == (judged.suggestion, judged.category)
