"""What several commands share: kinds of arguments, the console, and how errors become exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

EXISTING_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class Commands(click.Group):
    """Prints errors that a user can mend as messages without a traceback, and leaves with their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        from proactivebench.errors import ProactiveBenchError
        from raw_sources.base import SourceError

        try:
            return super().invoke(ctx)
        except (ProactiveBenchError, SourceError) as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("Interrupted. What is finished is kept; the same command continues.", err=True)
            ctx.exit(130)


def console() -> Console:
    """Where commands print for people: standard error, so that standard output stays free for data."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)
