"""`evaluate`, `judge` and `filter`: models play a benchmark, a judge reads what they said, leaks are dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from commands.model_options import MODEL_HELP, model_options
from commands.models import given_words, print_plan
from commands.shared import (
    EXISTING_FOLDER,
    FOLDER,
    DataFolder,
    console,
    local_data,
    mention_filter,
    output,
    quieten_loading,
    shard_option,
)

if TYPE_CHECKING:
    from rich.console import Console

    from proactivebench.benchmark import Benchmark
    from proactivebench.evaluation.leak_filter import FilteredScenario
    from proactivebench.evaluation.settings import Settings
    from proactivebench.models.load import ModelOptions
    from proactivebench.scenarios import Scenario
    from proactivebench.work.shards import Shard

Command = TypeVar("Command", bound=Callable[..., Any])

INSTRUCTIONS = click.Path(path_type=Path, exists=True, dir_okay=False)
INSTRUCTIONS_HELP = "What the judge is told, instead of our own text; below a line `=== user ===` also how it is asked."


class Limit(click.IntRange):
    """A number of samples, or `paper`."""

    name = "number or paper"

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from proactivebench.evaluation.settings import PAPER_LIMIT

        return PAPER_LIMIT if value == "paper" else super().convert(value, param, ctx)


def max_errors_option(of_what: str) -> Callable[[Command], Command]:
    """The option `--max-errors`: the share of what may fail."""
    return click.option(
        "--max-errors", type=click.FloatRange(0, 1), default=0.1, show_default=True, help=f"Share of {of_what}."
    )


@click.command()
@click.option("--model", "spec", required=True, help=MODEL_HELP)
@click.option("--data", type=DataFolder(), required=True, help="Folder of a benchmark, or hub:USER/NAME[@REVISION].")
@click.option("--out", type=FOLDER, required=True, help="Folder of the run; an interrupted run resumes.")
@click.option("--scenario", "names", multiple=True, help="Play only this scenario; may be repeated.")
@click.option(
    "--mode",
    type=click.Choice(["mcqa", "reference", "forced", "oeg", "oeg-multi"]),
    default="mcqa",
    show_default=True,
    help="Multiple choice; the reference frame alone; a category named on every frame, for `when`; free replies in one "
    "turn, for `judge`, or in several turns.",
)
@click.option("--hint", is_flag=True, help="Append a hint to every question.")
@click.option("--history", is_flag=True, help="Keep earlier turns in the conversation (frames' short edge 224).")
@click.option("--shots", type=click.Choice(["0", "1", "3"]), default="0", show_default=True, help="Solved examples.")
@click.option("--shrink-examples", is_flag=True, help="Shrink the examples' frames, as the paper did for Phi-4 alone.")
@click.option("--random-options", is_flag=True, help="Suggestions of other scenarios; each does something random.")
@click.option(
    "--control",
    type=click.Choice(["blank", "same"]),
    help="After a suggestion show a grey picture, or the first frame again: does the new picture matter?",
)
@click.option("--system-prompt", help="System message in front of every conversation.  [default: none]")
@click.option("--samples", "listing", type=INSTRUCTIONS, help="Play the samples of this list: lines such as `QD 12`.")
@click.option(
    "--limit",
    type=Limit(),
    help="Play at most this many samples per scenario, the same with any seed; `paper`: the 100 of its free replies.  "
    "[default: all; for free replies without --samples, paper]",
)
@click.option("--repeats", type=click.IntRange(1), default=1, show_default=True, help="Plays of every sample.")
@click.option("--no-filter", is_flag=True, help="Play also what the benchmark's leak filter dropped.")
@click.option("--seed", default=0, show_default=True, help="Decides every random choice.")
@click.option("--judge", "judge_spec", metavar="MODEL", help="Who reads the replies of --mode oeg-multi.")
@click.option("--judge-base-url", multiple=True, help="Address of an openai: judge's server; may be repeated.")
@click.option("--instructions", type=INSTRUCTIONS, help=INSTRUCTIONS_HELP)
@click.option("--plan", is_flag=True, help="Play nothing: print a command for each model of --model paper:all.")
@shard_option("Play only")
@max_errors_option("episodes that may end with an error before the run counts as failed")
@model_options
def evaluate(
    spec: str,
    data: Path | str,
    out: Path,
    names: tuple[str, ...],
    shots: str,
    listing: Path | None,
    no_filter: bool,
    judge_spec: str | None,
    judge_base_url: tuple[str, ...],
    instructions: Path | None,
    plan: bool,
    shard: Shard | None,
    max_errors: float,
    model_options: ModelOptions,
    **settings: Any,
) -> None:
    """Play a benchmark with a model and score it.

    The run folder holds run.json (everything that decides the numbers), episodes.jsonl (one line per episode) and
    metrics.json. Run the same command again to resume an interrupted run.
    """
    from commands.terminal import RunProgress, metrics_table
    from proactivebench.benchmark import Benchmark
    from proactivebench.evaluation import engine
    from proactivebench.evaluation.measured import run_measured_on
    from proactivebench.evaluation.settings import Settings, read_sample_list
    from proactivebench.models.load import ModelOptions, load_model

    folder = local_data(data, names)
    benchmark = Benchmark.open(folder)
    if not no_filter:
        mention_filter(folder)
    scenarios = benchmark.chosen(names)
    samples = read_sample_list(listing) if listing else None
    chosen = Settings(shots=int(shots), samples=samples, filtered=not no_filter, **settings)
    if plan:
        number = {one.name: _episodes(benchmark, one, chosen) for one in scenarios}
        words = given_words(click.get_current_context(), "spec", "out", "plan")
        print_plan(spec, number, chosen, out, words)
        return
    if chosen.limit is not None and settings["limit"] is None:
        most = f"Playing at most {chosen.limit} samples of each scenario, those that the paper takes for free replies"
        console().print(f"{most}; --limit plays more or fewer.", soft_wrap=True)
    quieten_loading(spec, judge_spec)
    judge_options = ModelOptions(base_url=judge_base_url or None)
    with RunProgress(console()) as progress:
        progress.say(f"Loading {spec}")
        options = replace(model_options, open_ended=chosen.open_ended)
        metrics = engine.evaluate(
            benchmark,
            scenarios,
            partial(load_model, spec, options),
            chosen,
            out,
            judge=partial(_load_judge, judge_spec, judge_options, instructions) if judge_spec else None,
            max_errors=max_errors,
            shard=shard,
            watcher=progress,
        )
    if shard is not None:
        done = f"Shard {shard} is played. When all are, put them together: proactivebench merge {out}"
        console().print(done, soft_wrap=True)
        return
    metrics_table({spec: metrics}, output(), run_measured_on(out))
    if chosen.mode == "oeg":
        console().print(
            f"The replies are in {out}. Now let a judge read them: proactivebench judge {out} --judge MODEL",
            soft_wrap=True,
        )
    else:
        console().print(f"Everything is in {out}; the scores in {out / 'metrics.json'}.", soft_wrap=True)


def _episodes(benchmark: Benchmark, scenario: Scenario, settings: Settings) -> int:
    from proactivebench.evaluation.plan import choose

    return choose(benchmark, scenario, settings)[0].samples * settings.repeats


def _load_judge(spec: str, options: ModelOptions, instructions: Path | None) -> Any:
    from proactivebench.evaluation.judge import Judge
    from proactivebench.models.load import load_model
    from proactivebench.work.files import read_text

    text = read_text(instructions) if instructions else None
    return Judge(load_model(spec, replace(options, open_ended=True)), text)


@click.command()
@click.argument("run", type=EXISTING_FOLDER)
@click.option("--judge", "spec", required=True, metavar="MODEL", help=MODEL_HELP)
@click.option("--instructions", type=INSTRUCTIONS, help=INSTRUCTIONS_HELP)
@max_errors_option("judgements that may fail before the command does")
@model_options
def judge(run: Path, spec: str, instructions: Path | None, max_errors: float, model_options: ModelOptions) -> None:
    """Let a judge read the free replies of RUN (evaluate --mode oeg) and score them.

    Judgements are kept in the folder `judge` of the run. Run the same command again to resume; output that could not
    be read is then judged again.
    """
    from commands.terminal import JudgeProgress, metrics_table
    from proactivebench.evaluation.judging import judge_run
    from proactivebench.evaluation.measured import run_measured_on

    quieten_loading(spec)
    with JudgeProgress(console()) as progress:
        progress.say(f"Loading {spec}")
        reader = partial(_load_judge, spec, model_options, instructions)
        metrics = judge_run(run, reader, max_errors=max_errors, watcher=progress)
    metrics_table({run.name: metrics}, output(), run_measured_on(run))
    console().print(f"The scores are in {run / 'metrics.json'}.", soft_wrap=True)


@click.command("filter")
@click.argument("data", type=EXISTING_FOLDER)
@click.option("--runs", "runs", type=EXISTING_FOLDER, multiple=True, help="A run; give one per model.")
@click.option("--published", is_flag=True, help="Keep what the paper kept instead: DATA are the published data.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1, min_open=True), default=0.25, show_default=True, help="Share of models."
)
def filter_(data: Path, runs: tuple[Path, ...], published: bool, threshold: float) -> None:
    """Drop from a benchmark what several models see at first sight: the leak filter of the paper.

    DATA is a folder; what hub: brought into the cache is never changed, so pull it into a folder first.

    A sample stays when fewer than the threshold's share of the runs are right in the first turn; on ROD, where no
    category counts in that turn, all stay. The ids that stay are written to kept_ids.json beside the data, where
    evaluate finds them.
    """
    from proactivebench.benchmark import Benchmark
    from proactivebench.errors import UsageError
    from proactivebench.evaluation.leak_filter import filter_leaks, keep_published
    from proactivebench.layout import KEPT_IDS
    from proactivebench.work.folder import locked

    if published == bool(runs):
        raise UsageError("Name the runs that decide (--runs RUN --runs RUN ...), or say --published.")
    benchmark = Benchmark.open(data)
    path = benchmark.folder / KEPT_IDS
    with locked(benchmark.folder):
        done = "Replaced what was in" if path.exists() else "Written to"
        if published:
            keep_published(benchmark)
        else:
            _filter_table(filter_leaks(benchmark, runs, threshold), output())
    console().print(f"{done} {path}.", soft_wrap=True)


def _filter_table(report: Sequence[FilteredScenario], console: Console) -> None:
    """Prints what the leak filter did."""
    from commands.terminal import plain_table

    table = plain_table(["scenario"], ["samples", "kept", "right in turn 1, before", "after"])
    for one in report:
        after = "" if one.accuracy_after is None else f"{one.accuracy_after:.1%}"
        table.add_row(one.name, f"{one.samples:,}", f"{len(one.kept):,}", f"{one.accuracy_before:.1%}", after)
    console.print(table)
