"""What the tables on the terminal say."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from commands.shared import output
from commands.terminal import metrics_table
from proactivebench.evaluation.metrics import compute_metrics
from proactivebench.evaluation.records import Episode, Turn
from proactivebench.scenarios import SCENARIOS


def printed(*episodes: Episode) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    metrics_table({"model": compute_metrics(episodes)}, console, "some data")
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    lines.remove("Measured on some data.")
    return lines


def episode(number: int, scenario: str = "QD", kind: Any = "category", turns: int = 1, source: str = "") -> Episode:
    turn = Turn(frame_path="a.png", prompt="0" * 16, reply="Cat.", kind=kind, chosen="Cat.")
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
    assert names == ["scenario", *SCENARIOS, "macro average of 7"]
    assert [line.split("  ")[0] for line in printed(episode(0))] == ["scenario", "QD"]


def test_without_scores_there_is_no_average() -> None:
    lines = printed(episode(0, "QD", "open_ended"), episode(0, "ROD", "open_ended"))
    assert [line.split() for line in lines] == [
        ["scenario", "n", "err.", "ref.", "cut"],
        ["ROD", "1", "0", "0", "0"],
        ["QD", "1", "0", "0", "0"],
    ]


def test_what_never_varied_is_not_certain() -> None:
    [_, line] = printed(*(episode(number) for number in range(1234)))
    assert line.split()[:9] == ["QD", "1,234", "0", "0", "0", "100.0", "±0.2", "0.00", "±0.00"]
    [_, line] = printed(episode(0), episode(1, turns=2))
    assert line.split()[:9] == ["QD", "2", "0", "0", "0", "100.0", "±32.9", "0.50", "±0.50"]
    [_, line] = printed(episode(0, source="one"), episode(1, turns=2, source="one"))
    assert line.split()[:10] == ["QD", "2", "0", "0", "0", "100.0", "±39.7", "0.50", "±", "-"]


def unreadable(number: int, reply: str, *, refused: bool = False) -> Episode:
    turn = Turn(frame_path="a.png", prompt="0" * 16, reply=reply, kind="unreadable", refused=refused)
    return episode(number).model_copy(update={"turns": (turn,), "correct": False})


def test_a_run_of_unreadable_replies_says_so_and_shows_some() -> None:
    replies = ["", "I'd [b]rather[/b] not", "\x1b[2Jgone", "more"]
    lines = printed(*(unreadable(number, reply) for number, reply in enumerate(replies)), episode(9))
    assert lines[2].startswith("model: 4 of 5 episodes ended with a reply that names no option")
    assert lines[3:] == ["  QD 0: (empty)", '  QD 1: "I\'d [b]rather[/b] not"', "  QD 2: '\\x1b[2Jgone'"]
    assert len(printed(unreadable(0, ""), episode(1))) == 2


def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    metrics_table({"openai:m:": compute_metrics([unreadable(0, "?")])}, output(), "some data")
    assert "openai:m: 1 of 1" in capsys.readouterr().out.replace("::", ":")


def test_refusals_are_scored_and_stated() -> None:
    [_, line] = printed(unreadable(0, "I cannot.", refused=True), episode(1), episode(2))
    assert line.split()[:6] == ["QD", "3", "0", "1", "0", "66.7"]


def test_cut_replies_are_scored_and_stated_and_many_of_them_said() -> None:
    turn = episode(0).turns[0]
    one = episode(0).model_copy(update={"turns": (turn.model_copy(update={"cut": True}), turn)})
    [_, line] = printed(one, *(episode(number) for number in range(1, 10)))
    assert line.split()[:6] == ["QD", "10", "0", "0", "1", "100.0"]
    [_, _, said] = printed(one, *(episode(number) for number in range(1, 9)))
    assert said.startswith("model: 1 of 9 episodes hold a reply that was cut at the limit of tokens")


def test_a_few_are_not_none() -> None:
    [_, line] = printed(unreadable(0, "?"), *(episode(number) for number in range(1, 300)))
    assert line.split()[-1] == "<1%"
