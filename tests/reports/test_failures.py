"""Why a run fails: what the page counts, where its links lead, and how loudly unreadable replies are said."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean
from urllib.parse import parse_qs

import pytest

from proactivebench import api
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Reply, Request
from proactivebench.reports.endings import Ending, ending
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.failures import Failures, find_failures
from proactivebench.reports.page import runs_page
from proactivebench.reports.runs import Run, load_runs
from proactivebench.reports.score_files import to_csv
from proactivebench.reports.scores import score_tables
from proactivebench.scenarios import SCENARIOS, is_abstention
from tests.support.small_runs import Reciter, play


@pytest.fixture(scope="module")
def failing(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Six drawings, each twice: three are named right, one is taken for another, two get replies without any option."""
    data = small_runs / "data"
    samples = list(Benchmark.open(data).samples(SCENARIOS["QD"]))
    told = {sample.id: sample.answer for sample in samples}
    told |= {samples[0].id: next(name for name in samples[0].categories if name != samples[0].answer)}
    told |= {sample.id: "I see <i>something</i>." for sample in samples[2:4]}
    folder = tmp_path_factory.mktemp("failing") / "run"
    return load_runs([play(data, Reciter(told, "failing"), folder, Settings(repeats=2))])[0]


@pytest.fixture(scope="module")
def found(failing: Run) -> Failures:
    [found] = find_failures([failing])
    return found


def test_categories_are_counted_worst_first(failing: Run, found: Failures) -> None:
    assert (found.episodes, found.wrong) == (12, 6)
    for one in found.categories:
        episodes = [episode for episode in failing.episodes if episode.answer == one.answer]
        assert (one.episodes, one.right) == (len(episodes), sum(episode.correct for episode in episodes))
        assert sum(segment.count for segment in one.segments) == len(episodes)
    assert sum(one.episodes for one in found.categories) == 12, "all are listed"
    shares = [one.right / one.episodes for one in found.categories]
    assert shares == sorted(shares)
    assert max(shares) == 1
    assert found.hardest == tuple(one for one in found.categories if one.right < one.episodes)
    assert [one.instead for one in found.categories if one.instead] == [((found.confusions[0].named, 2),)]


def test_what_a_reply_took_stands_by_turn_where_it_is_known(small_runs: Path, tmp_path: Path) -> None:
    class Counting(Reciter):
        async def reply(self, request: Request) -> Reply:
            return Reply(await super().reply(request), tokens=3 + (request.seed % 2))

    run = load_runs([play(small_runs / "data", Counting({}), tmp_path / "run")])[0]
    [told] = find_failures([run])
    taken = [turn.tokens for one in run.episodes for turn in one.turns if turn.tokens is not None]
    assert told.took == ["tokens"]
    assert told.turns[0].tokens == run.metrics["scenarios"]["QD"]["tokens_per_turn"] == fmean(taken)
    tables = score_tables([run])
    [line] = [
        row for row in csv.DictReader(to_csv(tables).splitlines()) if (row["measure"], row["scenario"]) == ("acc", "QD")
    ]
    assert (line["tokens_per_turn"], line["seconds_per_turn"]) == (f"{fmean(taken):.4f}", "")
    [row] = api.Run(run).scores
    assert row["tokens_per_turn"] == fmean(taken)
    assert "tokens" in runs_page(EpisodeAlbum([run]), [run])


def test_what_is_named_instead_leads_to_its_episodes(failing: Run, found: Failures) -> None:
    [one] = found.confusions
    assert (one.count, one.offered) == (2, 2)
    wanted = parse_qs(one.link.removeprefix("#"))
    index = EpisodeAlbum([failing]).index()
    rows = index["parts"][0]["rows"]
    shown = [
        row
        for row in rows
        if index["scenarios"].index("QD") == int(wanted["scenario"][0])
        and [index["answers"][row[6]]] == wanted["answer"]
        and row[7] >= 0
        and [index["answers"][row[7]]] == wanted["named"]
    ]
    assert len(shown) == one.count


def test_unreadable_replies_are_counted_by_turn_and_quoted(found: Failures) -> None:
    assert [(turn.turn, turn.answers, turn.unreadable) for turn in found.turns] == [("1", 12, 4)]
    [quote] = found.quotes
    assert quote.reply == "I see <i>something</i>."
    assert not found.mostly_unreadable


def test_a_run_of_unreadable_replies_is_said_loudly_and_as_text(small_runs: Path, tmp_path: Path) -> None:
    replies = {number: f"<b>nothing</b> {number % 4}" for number in range(100)}
    runs = load_runs([play(small_runs / "data", Reciter(replies), tmp_path / "run")])
    page = runs_page(EpisodeAlbum(runs), runs)
    assert "6 of 6 episodes ended with a reply that names no option" in page
    assert 3 <= page.count("<q>&lt;b&gt;nothing&lt;/b&gt;") <= 6, "three in the alarm, and again where it is explained"
    assert "<b>nothing" not in page


def test_only_a_suggestion_that_was_accepted_is_asked_too_long(small_runs: Path, tmp_path: Path) -> None:
    samples = list(Benchmark.open(small_runs / "data").samples(SCENARIOS["QD"]))
    asks = next(option for option in samples[0].options if not is_abstention(option))
    runs = load_runs([play(small_runs / "data", Reciter({samples[0].id: asks}), tmp_path / "run")])
    [episode] = [one for one in runs[0].episodes if one.id == samples[0].id]
    assert ending(episode, None) is Ending.OUT_OF_TURNS
    strange = episode.turns[-1].model_copy(update={"chosen": "Turn the sheet over."})
    refused = episode.model_copy(update={"turns": (*episode.turns[:-1], strange)})
    assert ending(refused, None) is Ending.REFUSED
