"""Plots of runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import Rectangle

from proactivebench.evaluation.settings import Mode, Settings
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.planes import asking_plane, joint_draws
from proactivebench.reports.plot_style import PAPER
from proactivebench.reports.plots import accuracy_per_turns, make_plots
from proactivebench.reports.runs import load_runs
from tests.support.small_runs import play


class TestPlots:
    def test_regions_are_made_of_draws_around_the_scores(self, small_runs: Path) -> None:
        [run] = load_runs([small_runs / "ask"])
        draws = joint_draws(run)
        low, high = run.metrics["average"]["acc_ci95"]
        assert draws.shape == (2000, 2)
        assert 100 * low <= draws[:, 0].mean() <= 100 * high
        assert draws[:, 1].mean() == pytest.approx(run.metrics["average"]["psr"], rel=0.1)

    def test_scenarios_are_drawn_independently_of_each_other(self, small_runs: Path) -> None:
        [run] = load_runs([small_runs / "ask"])
        same = [one.model_copy(update={"scenario": "COCO"}) for one in run.episodes]
        one, two = (joint_draws(each)[:, 1].std() for each in (run, replace(run, episodes=(*run.episodes, *same))))
        assert two == pytest.approx(one / 2**0.5, rel=0.1)

    def test_runs_of_long_names_have_bars_of_their_own_and_parts_say_so(self, small_runs: Path) -> None:
        [run] = load_runs([small_runs / "ask"])
        name = "hf:some-organisation/a-model-of-a-long-name (runs/{})".format
        whole, part = replace(run, name=name("one")), replace(run, name=name("two"), episodes=run.episodes[:4])
        figure = {plot.stem: plot.draw(PAPER) for plot in make_plots([whole, part])}["actions"]
        assert figure is not None
        [axes] = figure.axes
        assert {bar.get_y() for bar in axes.patches if isinstance(bar, Rectangle)} == {-0.31, 0.69}
        one, two = (text.get_text() for text in axes.get_yticklabels())
        assert one.endswith("(runs/one)") and two.endswith("(runs/two) (part)")

    def test_accuracy_per_turns_counts_each_episode_once(self, small_runs: Path) -> None:
        [run] = load_runs([small_runs / "guess"])
        [(turns, n, acc, low, high)] = accuracy_per_turns(run)
        assert (turns, n) == (1, len(run.episodes))
        scores = run.metrics["average"]
        assert (acc, low, high) == pytest.approx(tuple(100 * value for value in (scores["acc"], *scores["acc_ci95"])))

    def test_scores_that_do_not_vary_are_still_drawn(self, tmp_path: Path, small_runs: Path) -> None:
        [run] = load_runs([play(small_runs / "data", ScriptedModel("abstain"), tmp_path / "run")])
        assert run.metrics["average"]["acc"] == run.metrics["average"]["psr"] == 0
        figure = asking_plane([run], {}, PAPER)
        assert figure is not None
        [bars] = figure.axes[0].containers
        assert isinstance(bars, ErrorbarContainer)
        heights = [np.ptp(segment[:, 1]) for lines in bars.lines[2] for segment in lines.get_segments()]
        assert max(heights) > 5

    def test_only_runs_of_several_turns_stand_against_the_reference(self, tmp_path: Path, small_runs: Path) -> None:
        modes: tuple[Mode, ...] = ("reference", "forced")
        alone = [
            play(small_runs / "data", ScriptedModel("guess"), tmp_path / mode, Settings(mode=mode)) for mode in modes
        ]
        figures = {plot.stem: plot.draw(PAPER) for plot in make_plots(load_runs([small_runs / "guess", *alone]))}
        against = figures["reference"]
        assert against is not None
        assert against.axes[0].get_legend_handles_labels()[1] == ["scripted:guess"]
