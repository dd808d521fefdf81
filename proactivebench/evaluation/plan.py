"""Which episodes a run plays, and which of them are still owed.

They are made one after another, from samples that are read again each time, so that a run of millions holds none of
them. Only with examples are the samples of a scenario held while its episodes are made: each chooses among all others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from typing import TypeVar

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.episodes import Task
from proactivebench.evaluation.examples import check_examples, examples_for
from proactivebench.evaluation.records import Key
from proactivebench.evaluation.settings import Part, Settings, chosen_places, named_samples
from proactivebench.frames import Frames
from proactivebench.scenarios import Sample, Scenario, get_scenario
from proactivebench.work.shards import Shard

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Plan:
    """The episodes of a run.

    Attributes:
        parts: Short scenario name -> how many of its samples they play; what plays none is left out.
    """

    parts: dict[str, Part]
    _chosen: dict[str, bytearray]
    _benchmark: Benchmark
    _frames: Frames
    _settings: Settings

    def keys(self) -> Iterator[Key]:
        """Yields the keys of their records, in the order in which they are played."""
        for name in self.parts:
            for sample in self._samples(get_scenario(name)):
                yield from ((name, sample.id, repeat) for repeat in range(self._settings.repeats))

    def tasks(self) -> Iterator[Task]:
        """Yields the episodes in the same order.

        Raises:
            UsageError: The benchmark has too few other objects for examples.
        """
        for name in self.parts:
            scenario, settings = get_scenario(name), self._settings
            others = list(self._benchmark.samples(scenario, filtered=settings.filtered)) if settings.shots else ()
            for sample in self._samples(scenario):
                examples = examples_for(sample, others, settings, self._frames)
                yield from (Task(sample, repeat, examples) for repeat in range(settings.repeats))

    def _samples(self, scenario: Scenario) -> Iterator[Sample]:
        there = self._benchmark.samples(scenario, filtered=self._settings.filtered)
        return compress(named_samples(scenario, there, self._settings), self._chosen[scenario.name])


def plan(benchmark: Benchmark, scenarios: Sequence[Scenario], frames: Frames, settings: Settings) -> Plan:
    """What a run plays.

    Raises:
        UsageError: The benchmark lacks one of the scenarios, the samples that were named, or examples.
        SampleError: A line is not a sample.
    """
    check_examples(scenarios, settings)
    if strange := sorted(set(settings.samples or ()).difference(scenario.name for scenario in scenarios)):
        raise UsageError(
            f"The list names samples of {strange[0]}, which is not played here. Take them out of the list."
        )
    planned = Plan({}, {}, benchmark, frames, settings)
    for scenario in scenarios:
        part, chosen = choose(benchmark, scenario, settings)
        if part.samples:
            planned.parts[scenario.name], planned._chosen[scenario.name] = part, chosen
    if not planned.parts:
        raise UsageError(f"{benchmark.folder} has no samples to play with these settings.")
    if settings.shots:
        deque(planned.tasks(), maxlen=0)  # tells before anything is played whether there are enough others
    return planned


def choose(benchmark: Benchmark, scenario: Scenario, settings: Settings) -> tuple[Part, bytearray]:
    """How many of its samples a run plays, and which of those that the settings name: 1 for each that is played.

    Raises:
        UsageError: The benchmark lacks the scenario, or samples that were named.
        SampleError: A line is not a sample.
    """
    there = 0

    def counted() -> Iterator[Sample]:
        nonlocal there
        for sample in benchmark.samples(scenario, filtered=settings.filtered):
            there += 1
            yield sample

    named = sum(1 for _ in named_samples(scenario, counted(), settings))
    chosen = chosen_places(named, settings.limit)
    return Part(sum(chosen), there), chosen


@dataclass(frozen=True)
class Owed:
    """What is left of a plan, or of a shard of it.

    Attributes:
        groups: Groups of episodes that are begun together, of which not all have been played.
        episodes: Episodes in them.
        total: Episodes in all groups, the played ones included.
    """

    groups: int
    episodes: int
    total: int
    _plan: Plan
    _size: int
    _flags: bytearray

    @classmethod
    def of(cls, planned: Plan, size: int, shard: Shard | None, done: Container[Key]) -> Owed:
        """Finds out what is left.

        Args:
            planned: All episodes.
            size: How many are begun together.
            shard: Whose groups count; None counts all.
            done: The keys of those that have been played.
        """
        flags, episodes, total = bytearray(), 0, 0
        for keys in in_groups(planned.keys(), size):
            is_ours = shard is None or shard.owns("/".join(map(str, keys[0])))
            is_owed = is_ours and not all(key in done for key in keys)
            total += len(keys) * is_ours
            episodes += len(keys) * is_owed
            flags.append(is_owed)
        return cls(sum(flags), episodes, total, planned, size, flags)

    def __iter__(self) -> Iterator[list[Task]]:
        return compress(in_groups(self._plan.tasks(), self._size), self._flags)


def in_groups(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    """Yields things by so many; the last are those that are left."""
    rest = iter(things)
    while group := list(islice(rest, size)):
        yield group
