"""`merge`: the shards of a run become what one machine would have made."""

from __future__ import annotations

from pathlib import Path

import click

from commands.shared import EXISTING_FOLDER, console, output


@click.command()
@click.argument("folder", type=EXISTING_FOLDER)
def merge(folder: Path) -> None:
    """Put the shards in FOLDER together, which `evaluate --shard` has made there.

    FOLDER is what the commands had as --out. Where the shards were made on machines without a common disk, copy their
    folders into FOLDER/shards first, as they are. The run then has the same episodes and scores as one that was played
    without shards. Shards that are missing or belong to something else are named.
    """
    from commands.terminal import metrics_table
    from proactivebench.errors import UsageError
    from proactivebench.evaluation.measured import run_measured_on
    from proactivebench.evaluation.merge import merge_run
    from proactivebench.work.shards import SHARDS, found_shards

    if not any(found_shards(folder / SHARDS)):
        raise UsageError(f"{folder / SHARDS} does not contain a complete shard. Make them with `evaluate --shard 1/n`.")
    metrics_table({folder.name: merge_run(folder)}, output(), run_measured_on(folder))
    console().print(f"The run is in {folder}.", soft_wrap=True, markup=False)
