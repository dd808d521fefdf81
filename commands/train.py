"""`train`: GRPO on a model, with the settings as options or in a TOML file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import click

from commands.shared import EXISTING_FOLDER, FOLDER, console, quieten
from proactivebench.training.settings import TrainSettings, option_name


def _setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds an option for every field of `TrainSettings`."""
    annotations = get_type_hints(TrainSettings, include_extras=True)
    for field in reversed(fields(TrainSettings)):
        annotation, text = get_args(annotations[field.name])
        kind = next((part for part in get_args(annotation) if part is not NoneType), annotation)
        option = click.option(
            option_name(field.name),
            type=EXISTING_FOLDER if kind is Path else kind,
            is_flag=kind is bool,
            required=field.default is MISSING,
            default=None if field.default is MISSING else field.default,
            show_default=kind is not bool,
            help=text,
        )
        command = option(command)
    return command


def _read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Takes the settings of a TOML file as defaults, so that options on the command line go before them."""
    import tomllib

    from proactivebench.errors import UsageError

    if path is None:
        return
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as TOML: {error}") from error
    known = {field.name for field in fields(TrainSettings)} | {"out"}
    if unknown := sorted(settings.keys() - known):
        raise UsageError(
            f"{path} has {unknown[0]!r}, which is not a setting. Settings are: {', '.join(sorted(known))}."
        )
    context.default_map = settings


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    callback=_read_config,
    is_eager=True,
    expose_value=False,
    help="TOML file with settings, named as the options with _ for -; options go before it.",
)
@_setting_options
@click.option("--out", type=FOLDER, required=True, help="Folder of the training; an interrupted one is continued.")
def train(out: Path, **settings: Any) -> None:
    """Train a model to ask when it has to, with GRPO and the paper's recipe.

    The folder holds train.json (all settings), train_log.jsonl (a line per step), checkpoints, and at the end the
    adapter, for `evaluate --adapter`. Run the same command again to resume. Several GPUs: `accelerate
    launch --config_file proactivebench/training/configs/zero2.yaml -m proactivebench train ...`.
    """
    from proactivebench.errors import require_extra

    chosen = TrainSettings(**settings)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # TRL reports its use otherwise
    terminal = console()
    say = terminal.print
    say("Loading torch, transformers and TRL")
    with require_extra("Training", "train"):
        from proactivebench.training.folder import summary
        from proactivebench.training.grpo import train as run
    quieten()
    say(f"To see its curves while they grow: proactivebench view {out}", soft_wrap=True)
    result = run(chosen, out, terminal)
    say(summary(out))
    model = f"--model {result}" if chosen.full else f"--model {chosen.model} --adapter {result}"
    say(f"It is in {result}. To score it: proactivebench evaluate {model} --data BENCHMARK --out RUN", soft_wrap=True)
