"""`launch`: builds and evaluations as many processes, on one machine or on a cluster."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from commands.shared import console, output


@click.command()
@click.argument("plan", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Launch nothing: print every task, and the scripts that Slurm would get.")
def launch(plan: Path, dry_run: bool) -> None:
    """Run the tasks of PLAN, a TOML file: builds and evaluations in shards, on this machine, Slurm or Ray.

    Launching the same plan again runs what is not done. docs/cluster.md has a plan to begin with.
    """
    from commands import cluster
    from commands.launch_plan import read_plan

    chosen = read_plan(plan)
    if not dry_run:
        done = cluster.launch(chosen)
        said = "All tasks are done." if done else "Submitted. Launch the plan again to run what fails or is lost."
        console().print(f"{said} Logs are in {chosen.folder}.", soft_wrap=True, markup=False)
        return
    screen = output()
    for step, tasks in chosen.steps().items():
        marked = cluster.done_tasks(chosen, step, tasks)
        screen.print(f"Step {step}, {len(tasks):,} tasks:", soft_wrap=True, markup=False)
        for task in tasks:
            screen.print(f"  {'done  ' * marked[task]}{task}", soft_wrap=True, markup=False)
        left = [task for task in tasks if not marked[task]]
        if chosen.executor == "slurm" and left:
            with tempfile.TemporaryDirectory() as folder:
                text = cluster.script(chosen, step, left, Path(folder)).replace(folder, str(chosen.folder.resolve()))
            screen.print(text, soft_wrap=True, markup=False, highlight=False)
