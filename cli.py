"""The command line: one command per job, each in a file of `commands`.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import click

from commands.build import build
from commands.check import check, stats
from commands.compare import compare
from commands.demo import demo
from commands.evaluate import evaluate, filter_, judge
from commands.harnesses import export, import_inspect, leaderboard, submit
from commands.label import label
from commands.launch import launch
from commands.merge import merge
from commands.models import models
from commands.new_scenario import new_scenario
from commands.publish import package, publish, pull
from commands.report import look, play, report, view
from commands.selfcheck import selfcheck
from commands.shared import Commands
from commands.sources import fetch, sources
from commands.table import table
from commands.train import train
from commands.when import when
from proactivebench import __version__


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Build, check and evaluate ProactiveBench: does a multimodal model know when to ask for help?"""


for command in (
    sources,
    fetch,
    build,
    label,
    check,
    stats,
    package,
    publish,
    pull,
    new_scenario,
    models,
    selfcheck,
    evaluate,
    merge,
    launch,
    judge,
    filter_,
    compare,
    when,
    train,
    table,
    report,
    view,
    look,
    play,
    leaderboard,
    submit,
    export,
    import_inspect,
    demo,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
