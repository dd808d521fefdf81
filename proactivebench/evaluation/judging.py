"""Judging the free replies of a run (mode `oeg`), as a step of its own that can be continued.

The folder `judge` in the run holds `judge.json` (everything that decides the judgements) and `judgements.jsonl`, one
line per reply. Replies whose judgement failed are owed again when the command is repeated, and so are those that were
played again since: a judgement names its reply by a hash, and never counts for another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from proactivebench.errors import ProactiveBenchError, ResumableError, UsageError
from proactivebench.evaluation.concurrency import Pool, run_through
from proactivebench.evaluation.judge import Judge, JudgeError
from proactivebench.evaluation.metrics import compute_metrics, compute_open_ended
from proactivebench.evaluation.records import Episode, EpisodeError, Key, text_hash
from proactivebench.evaluation.run_log import METRICS, read_episodes, read_prompts, read_run
from proactivebench.evaluation.settings import derive_seed
from proactivebench.evaluation.watcher import UNWATCHED, Watcher
from proactivebench.models.base import ReplyError
from proactivebench.scenarios import get_scenario
from proactivebench.work.files import parse_json, write_json
from proactivebench.work.folder import DescribedFolder
from proactivebench.work.lines import LineFile, read_records
from proactivebench.work.ranks import Ranks, gathered

FOLDER, JUDGE, JUDGEMENTS = "judge", "judge.json", "judgements.jsonl"


class JudgedReply(BaseModel):
    """The judgement of one free reply.

    Attributes:
        scenario: Short name.
        id: The sample's id.
        repeat: Which play of the sample.
        source: What the sample's frames are made of.
        reply: Hash of the reply that was judged.
        suggestion: Whether the reply makes a valid suggestion (ps).
        category: Whether it names the right category (cc).
        output: The judge's literal output; empty after an error.
        answered_by: The model that a server says the output is of, where that is not the judge that was asked.
        error: Set where the judge said nothing usable; there is no judgement then.
    """

    model_config = ConfigDict(frozen=True)

    scenario: str
    id: int
    repeat: int = 0
    source: str
    reply: str
    suggestion: bool = False
    category: bool = False
    output: str = ""
    answered_by: str | None = None
    error: EpisodeError | None = None

    @property
    def key(self) -> Key:
        """The key of the episode that was judged."""
        return self.scenario, self.id, self.repeat

    @property
    def unreadable(self) -> bool:
        """Whether the judge said something, but nothing that can be read."""
        return self.error is not None and self.error.kind == JudgeError.kind

    @property
    def scores(self) -> dict[str, float]:
        """What is in the reply, 0 or 1: right category, valid suggestion, either; all 0 after an error."""
        found = {"cc": self.category, "ps": self.suggestion, "agg": self.category or self.suggestion}
        return {score: float(value) for score, value in found.items()}


def read_judgements(folder: Path) -> Iterator[JudgedReply]:
    """Yields the judgements of the replies that a run holds now.

    Raises:
        ProactiveBenchError: A line is not a record, or a reply was judged twice and differently.
    """
    path = folder / FOLDER / JUDGEMENTS
    if path.exists():
        replies = {episode.key: _reply_hash(episode) for episode in read_episodes(folder) if episode.error is None}
        for judged in read_records(path, JudgedReply, "judgement"):
            if replies.get(judged.key) == judged.reply:
                yield judged


def _reply_hash(episode: Episode) -> str:
    return text_hash(episode.turns[0].reply)


def read_judge(folder: Path) -> dict[str, Any]:
    """Who judged a run: `judge.json`.

    Raises:
        ProactiveBenchError: It cannot be read.
    """
    path = folder / FOLDER / JUDGE
    try:
        return dict(parse_json(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ProactiveBenchError(f"{path}: not the description of a judge ({error}).") from error


def run_metrics(episodes: Iterable[Episode], judgements: Iterable[JudgedReply], seed: int) -> dict[str, Any]:
    """The scores of a run, those of the judgements of its episodes included, and which other judges gave them."""
    metrics = compute_metrics(episodes, seed)
    judgements = list(judgements)
    judged = compute_open_ended(judgements, seed)
    if others := Counter(judgement.answered_by for judgement in judgements if judgement.answered_by is not None):
        metrics["judge_answered_by"] = dict(others.most_common())
    for name, scores in judged["scenarios"].items():
        metrics["scenarios"][name] |= scores
    return metrics | {"average": metrics["average"] | judged["average"]}


class _JudgeLog(DescribedFolder):
    def __init__(self, folder: Path, ranks: Ranks):
        super().__init__(folder / FOLDER, JUDGE, ranks)
        self._run = folder
        self.done: set[Key] = set()

    def open_files(self, at_exit: Callable[[Callable[[], None]], Any]) -> None:
        self._file = LineFile(self.folder / JUDGEMENTS, self._finished() if self.ranks.first else None)
        at_exit(self._file.close)
        self.done = {reply.key for reply in read_judgements(self._run)}

    def instead(self) -> str:
        return f"Delete {self.folder} to judge anew"

    def _finished(self) -> Iterator[bytes]:
        for reply in read_judgements(self._run):
            if reply.error is None:
                yield reply.model_dump_json(exclude_defaults=True).encode() + b"\n"

    def append(self, reply: JudgedReply) -> None:
        self._file.append(reply.model_dump(mode="json", exclude_defaults=True))


def judge_run(
    folder: Path,
    judge: Judge | Callable[[], Judge],
    *,
    max_errors: float = 0.1,
    watcher: Watcher[JudgedReply] = UNWATCHED,
) -> dict[str, Any]:
    """Judges the free replies of a run, or continues to; where several processes were launched, together with them.

    Args:
        folder: The run's folder.
        judge: Who judges, or what loads it, when the folder is known to be free.
        max_errors: Share of the judgements, 0 to 1, that may fail.
        watcher: Is told how it goes.

    Returns:
        The scores of the run, which are in its `metrics.json` too.

    Raises:
        UsageError: It is not a finished run of mode `oeg`, or was judged by another judge.
        ResumableError: More judgements failed than allowed; the scores of the others are kept.
    """
    described = read_run(folder)
    settings = described.settings
    if settings.mode != "oeg":
        raise UsageError(f"{folder} is a run of mode {settings.mode}; a judge reads the replies of --mode oeg.")
    everything = list(read_episodes(folder))
    if len(everything) < described.episodes or not (folder / METRICS).exists():
        raise UsageError(f"{folder} was not played to its end; repeat its evaluate command, which continues it.")
    episodes = [episode for episode in everything if episode.error is None]
    questions = read_prompts(folder)
    with gathered() as ranks, _JudgeLog(folder, ranks) as log:
        reader = judge if isinstance(judge, Judge) else judge()
        if reader.model.group > 1:
            raise UsageError("--deterministic fixes the batches of a model that plays, not of a judge; leave it out.")
        pool = Pool(reader.model)
        log.claim(reader.identity())
        owed = [[episode] for episode in episodes if episode.key not in log.done]
        watcher.begin(len(episodes) // ranks.size, (len(episodes) - len(owed)) // ranks.size)

        async def judge_one(episode: Episode) -> None:
            judged = await judge_reply(episode, questions[episode.turns[0].prompt], reader, settings.seed)
            log.append(judged)
            watcher.count(judged)

        try:
            run_through(pool.work_through(ranks.share(owed, len(owed)).take, judge_one))
        except* ProactiveBenchError as group:
            raise group.exceptions[0] from None
        ranks.wait()
        metrics = run_metrics(read_episodes(folder), read_judgements(folder), settings.seed)
        if ranks.first:
            write_json(folder / METRICS, metrics)
    failed = sum(scores.get("judge_errors", 0) for scores in metrics["scenarios"].values())
    if failed > int(max_errors * len(episodes)):
        raise ResumableError(_explain_errors(folder, failed, len(episodes), max_errors))
    return metrics


def _explain_errors(folder: Path, failed: int, total: int, max_errors: float) -> str:
    first = next(reply for reply in read_judgements(folder) if reply.error is not None)
    assert first.error is not None
    return (
        f"{failed} of {total} judgements failed, more than the {max_errors:.0%} allowed (--max-errors). The first: "
        f"{first.scenario} sample {first.id}: {first.error.message} The scores of the others are in "
        f"{folder / METRICS}."
    )


async def judge_reply(episode: Episode, question: str, judge: Judge, seed: int) -> JudgedReply:
    """Judges the free reply of one episode; a judge that fails leaves an error, never a judgement."""
    record: dict[str, Any] = episode.model_dump(include={"scenario", "id", "repeat", "source"})
    record["reply"] = _reply_hash(episode)
    try:
        judgement, output = await judge.judge(
            get_scenario(episode.scenario),
            question,
            episode.valid_replies,
            episode.turns[0].said,
            derive_seed(seed, *episode.key, "judge"),
        )
    except ReplyError as failure:
        return JudgedReply(**record, error=EpisodeError(kind=failure.kind, message=str(failure)))
    record |= {"output": output, "answered_by": getattr(output, "answered_by", None)}
    return JudgedReply(**record, suggestion=judgement.suggestion, category=judgement.category)
