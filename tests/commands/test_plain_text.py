"""Whatever is printed is text: no key, no markup and no command to the terminal comes through."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from rich.text import Text

from cli import main
from commands.screen import Screen
from commands.terminal import plain_table
from proactivebench.errors import ProactiveBenchError, ReplyError
from proactivebench.plain_text import as_cell, as_text, without_keys
from proactivebench.reports.score_files import to_csv
from tests.support.processes import run
from tests.support.small_runs import Reciter, play

HOSTILE = "a[/b]\x1b]0;owned\x07\x1b[2J\u202ebad\ud800[link=x]y"
SHOWN = r"a[/b]\x1b]0;owned\x07\x1b[2J\u202ebad\ud800[link=x]y"
KEYS = (
    "hf_abcDEF123",
    "sk-proj-a1b2c3d4e5",
    "Authorization: Bearer tok_SECRETvalue123",
    "authorization: Basic dXNlcjpwYXNz",
    "https://user:SECRETvalue123@host/v1",
    "https://host/x?X-Amz-Signature=SECRETvalue123&a=b",
    "https://host/x?a=b&access_token=SECRETvalue123",
    '{"api_key": "SECRETvalue123"}',
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7",
)


@pytest.mark.parametrize("said", KEYS)
def test_a_key_of_any_form_is_cut_out(said: str) -> None:
    shown = without_keys(f"The server said {said} and more.")
    for secret in ("abcDEF123", "a1b2c3d4e5", "SECRETvalue123", "dXNlcjpwYXNz", "IOSFODNN7", "16C7e42F"):
        assert secret not in shown
    assert shown.startswith("The server said ")
    assert shown.endswith(" and more.")
    assert without_keys(shown) == shown


def test_the_keys_of_the_environment_are_cut_out_of_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "plainwordsofakey")
    monkeypatch.setenv("KEY_FILE", "/home/ann/keys")
    for kind in (ProactiveBenchError, ReplyError):
        assert str(kind("It is plainwordsofakey in /home/ann/keys.")) == "It is *** in /home/ann/keys."


def test_ordinary_words_stay() -> None:
    said = (
        "The task is basic; each token counts, sk- and hf_ too. Look at https://host/a?b=c or http://localhost:8000/v1."
    )
    assert without_keys(said) == said


def test_what_a_terminal_would_obey_is_spelled_out() -> None:
    assert as_text(HOSTILE) == SHOWN
    assert as_text("Grüße,\n\t日本 ±") == "Grüße,\n\t日本 ±"


def test_a_screen_prints_text_wherever_it_comes_from() -> None:
    file = io.StringIO()
    screen = Screen(file=file, width=200, force_terminal=True)
    table = plain_table(["name", "said"], [])
    table.add_row(HOSTILE, "hf_abcDEF123")
    table.add_row(Text(HOSTILE), "")
    screen.print(HOSTILE)
    screen.print(table)
    screen.print("[bold]ours[/bold]", markup=True)
    shown = file.getvalue()
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert "hf_abcDEF123" not in shown
    assert shown.count(SHOWN) == 2
    assert "\x1b[1mours\x1b[0m" in shown


def test_commands_print_names_of_files_as_they_are(small_runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "mk[bold]" / "a[/b]\x1b]0;x"
    arguments = ["evaluate", "--model", "scripted:guess", "--data", str(small_runs / "data"), "--out", str(out)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert r"mk[bold]/a[/b]\x1b]0;x" in done.output
    assert "\x1b" not in done.output
    done = CliRunner().invoke(main, ["compare", str(out), str(out / "b[/b]\x1b]0;x")])
    assert done.exit_code == 2
    assert "\x1b" not in done.output


def test_a_server_cannot_reach_the_terminal(small_runs: Path, tmp_path: Path) -> None:
    with pytest.raises(ProactiveBenchError) as caught:
        raise ProactiveBenchError(f"The server said {HOSTILE} Bearer tok_SECRETvalue123.")

    main.add_command(cast("Any", _failing(caught.value)))
    try:
        done = CliRunner().invoke(main, ["fails"])
    finally:
        del main.commands["fails"]
    assert done.output == f"Error: The server said {SHOWN} Bearer ***\n"


def _failing(error: Exception) -> Any:
    import click

    @click.command("fails")
    def fails() -> None:
        raise error

    return fails


def test_a_terminal_without_a_letter_gets_its_number(small_runs: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", "--model", "scripted:guess", "--data", small_runs / "data", "--out", tmp_path / "run"]
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run([sys.executable, "-m", "proactivebench", *arguments], variables=ascii_only)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "\\xb1" in done.stdout


@pytest.mark.parametrize("option", ["--extra-body", "--engine"])
def test_a_key_among_the_options_of_a_run_is_refused(option: str, small_runs: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", "--model", "inspect:openai/m", "--data", str(small_runs / "data"), "--out", str(tmp_path)]
    done = CliRunner().invoke(main, [*arguments, option, '{"api_key": "SECRETvalue123"}'])
    assert done.exit_code == 2
    assert "Give keys in the environment" in done.output
    assert "SECRETvalue123" not in done.output


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\uff1d1", "%1"])
def test_no_cell_is_a_formula(name: str, small_runs: Path) -> None:
    assert as_cell(name) == f"'{name}"
    assert as_cell("openai:gpt-4.1") == "openai:gpt-4.1"


def test_the_table_of_scores_holds_no_formula(small_runs: Path, tmp_path: Path) -> None:
    from proactivebench.reports.runs import load_runs
    from proactivebench.reports.scores import score_tables

    play(small_runs / "data", Reciter({}, name="=cmd|' /C calc'!A0"), tmp_path / "run")
    tables = score_tables(load_runs([tmp_path / "run"]), compare_paper=False)
    for row in csv.reader(io.StringIO(to_csv(tables))):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
        assert row[1] in ("model", "'=cmd|' /C calc'!A0")
