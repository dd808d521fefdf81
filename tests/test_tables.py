"""What the tables on the terminal say."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from proactivebench.evaluation.metrics import compute_metrics
from proactivebench.evaluation.records import Episode, Turn
from proactivebench.reports.tables import metrics_table
from proactivebench.scenarios import SCENARIOS


def printed(*episodes: Episode) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    metrics_table({"model": compute_metrics(episodes)}, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def episode(number: int, scenario: str = "QD", kind: Any = "category", turns: int = 1, source: str = "") -> Episode:
    turn = Turn(image="a.png", prompt="0" * 16, reply="Cat.", kind=kind, chosen="Cat.")
    return Episode(
        scenario=scenario,
        id=number,
        source=source or str(number),
        answer="Cat.",
        turns=(turn,) * turns,
        correct=kind == "category",
        max_turns=9,
    )


def test_an_average_says_of_how_many_scenarios() -> None:
    names = [line.split("  ")[0] for line in printed(*(episode(0, name) for name in SCENARIOS))]
    assert names == ["scenario", *SCENARIOS, "average of 7"]
    assert [line.split("  ")[0] for line in printed(episode(0))] == ["scenario", "QD"]


def test_without_scores_there_is_no_average() -> None:
    lines = printed(episode(0, "QD", "free"), episode(0, "ROD", "free"))
    assert [line.split() for line in lines] == [["scenario", "n", "err."], ["ROD", "1", "0"], ["QD", "1", "0"]]


def test_what_never_varied_is_not_certain() -> None:
    [_, line] = printed(*(episode(number) for number in range(1234)))
    assert line.split()[:7] == ["QD", "1,234", "0", "100.0", "±0.2", "0.00", "±0.00"]
    [_, line] = printed(episode(0), episode(1, turns=2))
    assert line.split()[:7] == ["QD", "2", "0", "100.0", "±32.9", "0.50", "±0.50"]
    [_, line] = printed(episode(0, source="one"), episode(1, turns=2, source="one"))
    assert line.split()[:8] == ["QD", "2", "0", "100.0", "±39.7", "0.50", "±", "-"]
