"""`models`: which models are known by name, and which would run here; and `evaluate --plan`, their commands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.shared import output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proactivebench.evaluation.settings import Settings
    from proactivebench.models.catalogue import Entry

PAPER_REQUESTS = 1.5
"""Requests per episode where the paper has no psr of the model: about the mean of those it has, and one."""


@click.command()
def models() -> None:
    """List the models that are known by name, with what they need and whether they would run on this machine.

    evaluate --model paper:NAME or newer:NAME plays one of them; other models need no entry, see evaluate --help.
    """
    from rich.table import Table

    from proactivebench.models.catalogue import RULE, Machine, catalogue

    machine = Machine.here()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "model", "memory", "here"):
        table.add_column(heading, justify="right" if heading == "memory" else "left", no_wrap=heading != "here")
    for kind, entries in catalogue().items():
        for name, found in entries.items():
            memory = found.memory()
            table.add_row(
                f"{kind}:{name}", found.model, "" if memory is None else f"{memory:.0f} GiB", machine.runs(found)
            )
    output().print(table)
    gpus = ", ".join(f"{size:.0f}" for size in machine.gpus) or "none"
    said = f"This machine: GPUs {gpus}, main memory {machine.memory:.0f} (GiB). Estimated, not measured; {RULE}."
    output().print(said, style="dim", markup=False, soft_wrap=True)
    for kind, entries in catalogue().items():
        for name, found in entries.items():
            if found.note:
                output().print(f"{kind}:{name}: {found.note}.", style="dim", markup=False, soft_wrap=True)


def print_plan(spec: str, episodes: dict[str, int], settings: Settings, out: Path, words: list[str]) -> None:
    """Prints a command for each model of a kind, or for one, as a shell script with estimates.

    Args:
        spec: `paper:all`, `newer:all`, or one model of the catalogue.
        episodes: Short scenario name -> number of episodes of one model.
        settings: How they are played.
        out: Folder in which each model gets a run of its own.
        words: The other options, as the user wrote them.

    Raises:
        UsageError: There are no such models.
    """
    from proactivebench.errors import UsageError
    from proactivebench.models.catalogue import RULE, catalogue, entry

    kind, _, name = spec.partition(":")
    if kind not in catalogue():
        kinds = ", ".join(f"{kind}:all" for kind in catalogue())
        raise UsageError(f"--plan is for models that are known by name ({kinds}), not for {spec}.")
    chosen = catalogue()[kind] if name == "all" else {name: entry(kind, name)}
    click.echo(f"# {len(chosen)} models, {sum(episodes.values()):,} episodes each. Estimated, not measured;")
    click.echo(f"# {RULE}.")
    hours = dict.fromkeys(("a GPU", "hosted models"), 0.0)
    for each, found in chosen.items():
        seconds = found.seconds(_requests(found, episodes, settings))
        hours["a GPU" if found.billions else "hosted models"] += seconds / 3600
        command = ["proactivebench", "evaluate", "--model", f"{kind}:{each}", *words, "--out", str(out / each)]
        memory = found.memory()
        needs = f"{memory:.0f} GiB, " if memory else f"{found.key}, " if found.key else ""
        click.echo(f"{shlex.join(command)}  # {needs}{max(1, round(seconds / 60)):,} min")
    click.echo(f"# In all {' and '.join(f'{n:.1f} h of {what}' for what, n in hours.items() if n)}, loading apart.")


def _requests(found: Entry, episodes: dict[str, int], settings: Settings) -> float:
    """How often a model will be asked: one answer per episode, and its suggestions as often as in the paper."""
    if settings.mode in ("reference", "oeg"):
        return float(sum(episodes.values()))
    table = _paper_table("mcqa_hint" if settings.hint else "mcqa").get(found.paper or "", {})
    return sum(n * (1 + table[name]["psr"] if name in table else PAPER_REQUESTS) for name, n in episodes.items())


def _paper_table(name: str) -> dict[str, Any]:
    import json
    from importlib import resources

    text = resources.files("proactivebench.published").joinpath("paper_results.json").read_bytes()
    table: dict[str, Any] = json.loads(text)[name]
    return table


def given_words(context: click.Context, *without: str) -> list[str]:
    """The options of a command as the user gave them, but for some."""
    return [word for parameter in context.command.params for word in _words(context, parameter, without)]


def _words(context: click.Context, parameter: click.Parameter, without: tuple[str, ...]) -> Iterator[str]:
    from click.core import ParameterSource

    name = parameter.name or ""
    if name in without or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
        return
    value = context.params[name]
    if isinstance(value, bool):
        yield (parameter.opts if value else parameter.secondary_opts)[0]
        return
    for one in value if isinstance(value, tuple) else (value,):
        yield parameter.opts[0]
        yield _word(one)


def _word(value: object) -> str:
    import json

    return json.dumps(value) if isinstance(value, dict) else str(value)
