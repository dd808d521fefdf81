"""The leak filter: samples that several models answer at first sight do not measure asking.

A sample is dropped when at least a share of the models (paper: 25%, 6 of 22) is right in the first turn, as the
environment judges it: on ROD no category is right there, so that all samples stay. What is kept is written beside the
data, where `evaluate` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proactivebench.benchmark import Benchmark, published_kept_ids
from proactivebench.errors import UsageError
from proactivebench.evaluation.run_log import read_episodes, read_run
from proactivebench.evaluation.settings import Settings
from proactivebench.layout import KEPT_IDS
from proactivebench.scenarios import Scenario, get_scenario
from proactivebench.work.files import write_json
from proactivebench.work.folder import shown


@dataclass(frozen=True)
class FilteredScenario:
    """What the filter did to one scenario.

    Attributes:
        name: Short name of the scenario.
        samples: Number of samples that the runs played.
        kept: Ids that stay, ascending.
        accuracy_before: Mean share of models that are right in the first turn, over all samples, 0 to 1.
        accuracy_after: The same over the samples that stay; None where none does.
    """

    name: str
    samples: int
    kept: tuple[int, ...]
    accuracy_before: float
    accuracy_after: float | None


def filter_leaks(benchmark: Benchmark, runs: Sequence[Path], threshold: float = 0.25) -> list[FilteredScenario]:
    """Finds the samples that stay and writes their ids to `kept_ids.json`, beside those of scenarios not played.

    Args:
        benchmark: The benchmark that the runs played; not the published one, whose list is fixed.
        runs: Folders of finished multiple-choice runs over all samples (`--no-filter`), one per model.
        threshold: Share of the models, 0 to 1, at which a sample is dropped.

    Raises:
        UsageError: A run does not fit: another benchmark, another mode, hints, or only some of the samples; or it is
            given twice.
    """
    right = _first_answers(benchmark, runs)
    report = []
    for scenario in benchmark.scenarios:
        hits = {number: found for (name, number), found in right.items() if name == scenario.name}
        if hits:
            report.append(_filter_scenario(scenario, hits, threshold))
    if not report:
        raise UsageError("The runs hold no finished episodes.")
    kept = {one.dataset: sorted(ids) for one in benchmark.scenarios if (ids := benchmark.kept_ids(one)) is not None}
    kept |= {get_scenario(one.name).dataset: list(one.kept) for one in report}
    write_json(benchmark.folder / KEPT_IDS, kept)
    return report


def _first_answers(benchmark: Benchmark, runs: Sequence[Path]) -> dict[tuple[str, int], list[bool]]:
    """Scenario and id -> for each run that has a score of the sample, whether its first answer was right."""
    for number, run in enumerate(runs):
        if run.resolve() in [earlier.resolve() for earlier in runs[:number]]:
            raise UsageError(f"{run} is given twice, but a model counts once; name every run once.")
    samples = {
        (one.name, sample.id) for one in benchmark.scenarios for sample in benchmark.samples(one, filtered=False)
    }
    right: dict[tuple[str, int], list[bool]] = {}
    for run in runs:
        _check(run, benchmark)
        seen = set()
        for episode in read_episodes(run):
            sample = (episode.scenario, episode.id)
            if episode.error is None and episode.repeat == 0:
                seen.add(sample)
                right.setdefault(sample, []).append(episode.right_at_first_sight)
        played = {name for name, _ in seen}
        missing = sum(1 for sample in samples - seen if sample[0] in played)
        if missing:
            raise UsageError(
                f"{run} lacks {missing} samples of its scenarios; play it to its end, with "
                "--no-filter and without --limit or --samples."
            )
    return right


def keep_published(benchmark: Benchmark) -> None:
    """Writes the published lists to `kept_ids.json`, for published data that nothing proves to be published.

    Raises:
        UsageError: A list names samples that are not there, so these are other data.
    """
    published = published_kept_ids()
    for one in benchmark.scenarios:
        there = {sample.id for sample in benchmark.samples(one, filtered=False)}
        if absent := published[one.name] - there:
            raise UsageError(
                f"{benchmark.folder} is not the published benchmark: it lacks {len(absent):,} {one.name} samples that "
                f"the published filter kept, such as {min(absent)}."
            )
    kept = {one.dataset: sorted(published[one.name]) for one in benchmark.scenarios}
    write_json(benchmark.folder / KEPT_IDS, kept)


def _filter_scenario(scenario: Scenario, right: Mapping[int, Sequence[bool]], threshold: float) -> FilteredScenario:
    shares = {number: sum(hits) / len(hits) for number, hits in sorted(right.items())}
    kept = tuple(number for number, share in shares.items() if share < threshold)
    before = sum(shares.values()) / len(shares)
    after = sum(shares[number] for number in kept) / len(kept) if kept else None
    return FilteredScenario(scenario.name, len(shares), kept, before, after)


_PLAIN = Settings()


def _check(run: Path, benchmark: Benchmark) -> None:
    """Refuses a run that says nothing about first sight, or was not played on all samples of the benchmark."""
    description = read_run(run)
    settings, scenarios = description.settings, [get_scenario(name) for name in description.scenarios]
    if description.data.samples != {one.name: benchmark.samples_digest(one) for one in scenarios}:
        raise UsageError(f"{run} played another benchmark than {benchmark.folder}.")
    for name in ("mode", "hint", "history", "shots", "random_options", "control"):
        if (value := getattr(settings, name)) != getattr(_PLAIN, name):
            raise UsageError(
                f"{run} was played with {name.replace('_', ' ')}: {shown(value)}; the filter needs plain "
                "multiple-choice runs: evaluate --no-filter, without --mode, --hint, --history, --shots, "
                "--random-options and --control."
            )
    if settings.filtered and any(description.data.kept_ids.values()):
        raise UsageError(f"{run} lacks what an earlier filter had dropped; play it with evaluate --no-filter.")
