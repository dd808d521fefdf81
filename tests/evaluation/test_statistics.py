from __future__ import annotations

import numpy as np
import pytest

from proactivebench.evaluation import statistics
from proactivebench.evaluation.statistics import average, estimate, estimate_share


def test_without_clusters_the_error_is_the_usual_one() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    result = estimate(values, list("abcde"))
    assert result.mean == pytest.approx(0.6)
    assert result.se == pytest.approx(np.std(values, ddof=1) / np.sqrt(5))
    low, high = result.interval
    assert 0 <= low < 0.6 < high <= 1


def test_draws_do_not_depend_on_how_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values, sources = [0.0, 1.0, 0.5, 2.0, 1.0], list("abbca")
    picks = np.random.default_rng(3).integers(3, size=(statistics.BOOTSTRAP_DRAWS, 3))
    sums, counts = np.array([1.0, 1.5, 2.0]), np.array([2, 2, 1])
    for at_once in (1, 7, 1 << 20):
        monkeypatch.setattr(statistics, "_PICKS_AT_ONCE", at_once)
        assert (estimate(values, sources, 3).draws == sums[picks].sum(axis=1) / counts[picks].sum(axis=1)).all()


def test_copies_of_a_source_add_no_certainty() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    once = estimate(values, list("abcde"))
    thrice = estimate(values * 3, list("abcde") * 3)
    assert thrice.se == pytest.approx(once.se)
    assert thrice.interval == pytest.approx(once.interval)


def test_one_source_has_no_error_and_seeds_decide_the_interval() -> None:
    assert estimate([1.0, 0.0], ["a", "a"]).se is None
    values, sources = list(np.linspace(0, 1, 50)), [str(n) for n in range(50)]
    assert estimate(values, sources, 1).interval == estimate(values, sources, 1).interval
    assert estimate(values, sources, 1).interval != estimate(values, sources, 2).interval


def test_scenarios_weigh_alike() -> None:
    small, large = estimate([1.0, 1.0], ["a", "b"]), estimate([0.0] * 98 + [0.5, 0.5], [str(n) for n in range(100)])
    both = average([small, large])
    assert both.mean == pytest.approx((1 + 0.01) / 2)
    assert small.se is not None
    assert large.se is not None
    assert both.se == pytest.approx(np.hypot(small.se, large.se) / 2)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        values = (rng.random(80) < 0.3).astype(float)
        low, high = estimate(list(values), [str(n) for n in range(80)]).interval
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 200 <= 0.99


@pytest.mark.parametrize(("n", "low"), [(1, 0.207), (2, 0.342), (10, 0.722), (100, 0.963)])
def test_shares_that_never_vary_are_not_certain(n: int, low: float) -> None:
    sources = [str(number) for number in range(n)]
    assert estimate_share([1.0] * n, sources).interval == pytest.approx((low, 1), abs=0.001), "n / (n + 1.96²)"
    assert estimate_share([0.0] * n, sources).interval == pytest.approx((0, 1 - low), abs=0.001)
    assert estimate_share([1.0] * 3 * n, sources * 3).interval == pytest.approx((low, 1), abs=0.001)
    assert estimate([1.0] * n, sources).interval == (1, 1), "a number of turns has no such bounds"


def test_one_source_says_little_about_a_share() -> None:
    low, high = estimate_share([1.0, 0.0], ["a", "a"]).interval
    assert low < 0.1
    assert high > 0.9


def test_shares_that_vary_keep_the_bootstrap() -> None:
    values, sources = [0.0, 1.0, 1.0, 0.0, 1.0], list("abcde")
    assert estimate_share(values, sources).interval == estimate(values, sources).interval


def test_an_average_is_as_unsure_as_its_parts() -> None:
    certain = estimate_share([1.0] * 10, list("abcdefghij"))
    low, high = average([certain] * 4).interval
    assert 1 - low == pytest.approx((1 - certain.interval[0]) / 2)
    assert high == 1
    rng = np.random.default_rng(0)
    parts = [estimate(list(rng.normal(size=50)), [str(n) for n in range(50)], seed) for seed in range(5)]
    both = average(parts)
    assert both.interval == pytest.approx(tuple(np.percentile(both.draws, [2.5, 97.5])), abs=0.02)
