"""`merge`: the shards of a build or of a run become what one machine would have made."""

from __future__ import annotations

from pathlib import Path

import click

from commands.shared import EXISTING_FOLDER, console, output


@click.command()
@click.argument("folder", type=EXISTING_FOLDER)
def merge(folder: Path) -> None:
    """Put the shards in FOLDER together: of a build (build --shard) or of a run (evaluate --shard).

    FOLDER is what the commands had as --out. Where the shards were made on machines without a common disk, copy their
    folders into FOLDER/shards first, as they are. A build then has the same bytes as one without shards; a run has the
    same episodes and the same scores. Shards that are missing or belong to something else are named. Repeated, it does
    nothing.
    """
    from builders.pipeline.merge import merge_part, sharded_parts
    from commands.build import build_table
    from commands.terminal import metrics_table
    from proactivebench.errors import UsageError
    from proactivebench.evaluation.measured import run_measured_on
    from proactivebench.evaluation.merge import merge_run
    from proactivebench.evaluation.run_log import METRICS
    from proactivebench.layout import MANIFEST
    from proactivebench.work.shards import SHARDS, are_gone, found_shards

    if any(found_shards(folder / SHARDS)):
        metrics_table({folder.name: merge_run(folder)}, output(), run_measured_on(folder))
        console().print(f"The run is in {folder}.", soft_wrap=True, markup=False)
        return
    parts = sharded_parts(folder)
    is_finished = any((folder / name).is_file() for name in (METRICS, MANIFEST))
    if not parts and is_finished and are_gone(folder / SHARDS):
        console().print(f"{folder} is merged already.", soft_wrap=True, markup=False)
        return
    if not parts:
        raise UsageError(
            f"{folder / SHARDS} does not contain a complete shard. Make them with `build --shard 1/n` or "
            "`evaluate --shard 1/n`."
        )
    for name in parts:
        build_table(merge_part(folder, name), console())
