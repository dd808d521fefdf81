"""A run beside its forced answers on the page: which belong together, what is said, and where the curves lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Reply
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.asking import asking_curves, find_asking, reliability
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.page import runs_page
from proactivebench.reports.planes import against_reference
from proactivebench.reports.plot_style import PAPER
from proactivebench.reports.runs import Run, load_runs
from proactivebench.reports.scores import score_tables
from tests.support.small_runs import Reciter, play


@pytest.fixture(scope="module")
def pairs(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """The oracle, its forced run, and a model that has none."""
    folder = tmp_path_factory.mktemp("pairs")
    oracle = ScriptedModel("oracle")
    play(small_runs / "data", oracle, folder / "oracle")
    play(small_runs / "data", oracle, folder / "forced", Settings(mode="forced"))
    return load_runs([folder / "oracle", folder / "forced", small_runs / "ask"])


def test_only_a_run_with_its_own_forced_answers_is_measured(pairs: list[Run]) -> None:
    assert [one.run.name for one in find_asking(pairs)] == ["scripted:oracle"]
    assert find_asking([pairs[0], pairs[2]]) == []


def test_a_score_of_a_part_of_the_episodes_says_so(small_runs: Path, tmp_path: Path) -> None:
    data, ask = small_runs / "data", ScriptedModel("ask")
    forced = play(data, ask, tmp_path / "forced", Settings(mode="forced", limit=4))
    reference = play(data, ask, tmp_path / "reference", Settings(mode="reference", limit=4))
    runs = load_runs([small_runs / "ask", forced, reference])
    assert score_tables(runs)[0].rows[0].note == "forced answers to 4 of 6 episodes"
    assert against_reference(runs, [runs[0]], {}, PAPER) is None, "not the same samples"


def test_curves_begin_with_guessing_and_go_as_far_as_suggestions_do(pairs: list[Run]) -> None:
    [asking] = find_asking(pairs)
    figure = asking_curves([asking], PAPER)
    assert figure is not None
    lines = {line.get_linestyle(): np.asarray(line.get_xydata()) for line in figure.axes[0].lines[:2]}
    guessing = 100 * asking.found["average"]["guessing"]
    for points in lines.values():
        assert points[0] == pytest.approx((0, guessing))
    foresight, coin = lines["-"], lines[":"]
    assert np.all(np.diff(foresight[:, 1]) >= -1e-9)
    assert np.all(foresight[:, 1] >= coin[:, 1] - 1e-9)


def test_the_page_says_what_when_means(pairs: list[Run]) -> None:
    page = runs_page(EpisodeAlbum(pairs), pairs)
    assert "Does it know when to ask?" in page
    assert "Does it know when to ask?" not in runs_page(EpisodeAlbum([pairs[2]]), [pairs[2]])


def test_confidence_is_held_against_what_is_right(small_runs: Path, tmp_path: Path) -> None:
    unsure = {number: Reply("Cat.", confidence=0.25) for number in range(100)}
    runs = load_runs([play(small_runs / "data", Reciter(unsure), tmp_path / "run", Settings(mode="forced"))])
    figure = reliability(runs, PAPER)
    assert figure is not None
    points = np.asarray(figure.axes[0].lines[-1].get_xydata())
    assert np.all(points[:, 0] == 25)
    answers = [turn.category == "correct" for episode in runs[0].episodes for turn in episode.turns]
    assert points[:, 1].mean() == pytest.approx(100 * np.mean(answers), abs=10)
    assert reliability(load_runs([small_runs / "ask"]), PAPER) is None
