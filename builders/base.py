"""What a builder is.

A builder first *plans*: it turns one unit of its raw source after the other into planned samples, cheaply, without
touching a picture. Everything that is decided is decided there, at random only through `sample_random`, whose generator
depends on the record alone, so that a missing record changes no other sample. Then it *renders*: recipe in, frames out,
no choices left, in any order and in any process. `pipeline.build` runs both.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from proactivebench.scenarios import Scenario
from raw_sources.base import Problem

Unit = TypeVar("Unit")
Recipe = TypeVar("Recipe")
Record = TypeVar("Record")


class Frame(NamedTuple):
    """One file of the benchmark: its path below `test/` with forward slashes, and its bytes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PlannedSample(Generic[Recipe]):
    """A sample whose frames are still to be rendered.

    Attributes:
        key: Names the record; unique within the scenario and the same in every build.
        fields: The fields of the sample without its `id`.
        recipe: What `render` needs: small and picklable, references instead of pictures.
        origin: The record in the raw source, in words of its publisher.
        licence: Licence of the record.
        shared_frames: Samples with the same name here and the same recipe share their frames, which are rendered once;
            None where the frames are the sample's own.
    """

    key: str
    fields: Mapping[str, Any]
    recipe: Recipe
    origin: str
    licence: str
    shared_frames: str | None = None

    @property
    def frames_key(self) -> str:
        """Names the frames: what is rendered, and noted as finished, under one key."""
        return self.shared_frames or self.key


class Skip(NamedTuple):
    """A record that gave no sample, and why; records with one reason are counted together."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan(Generic[Recipe]):
    """What one unit gave.

    Attributes:
        samples: The planned samples, in a fixed order.
        skipped: Records that were left out on purpose.
        problems: Raw data that is broken or missing.
    """

    samples: Sequence[PlannedSample[Recipe]]
    skipped: Sequence[Skip] = ()
    problems: Sequence[Problem] = field(default=())


class Builder(ABC, Generic[Unit, Recipe]):
    """Settings of a build, picklable, and the two steps from raw records to frames.

    Attributes:
        scenario: The scenario that it builds.
    """

    scenario: ClassVar[Scenario]

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the build, as JSON values: seed, options, which raw data."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Name -> version of the libraries that decide the bytes of the frames."""

    def check_folder(self, parts: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes sure that the scenario may lie in one folder with what is there; by default it may.

        Args:
            parts: Short scenario name, or `TRAIN` -> settings, those of this build among them.

        Raises:
            UsageError: It may not.
        """

    @abstractmethod
    def units(self) -> Sequence[Unit]:
        """The pieces of the raw source that are planned one by one, in a fixed order; each picklable."""

    @abstractmethod
    def plan(self, unit: Unit) -> Plan[Recipe]:
        """Plans the samples of one unit."""

    @abstractmethod
    def render(self, planned: PlannedSample[Recipe]) -> Iterator[Frame]:
        """Renders the frames of one sample.

        Raises:
            SourceError: The record turns out to be unusable; the sample is left out and reported.
        """


class RecordBuilder(Builder[Record | Problem, Recipe], Generic[Record, Recipe]):
    """A builder whose units are records; what is wrong with the raw data stands behind them."""

    @abstractmethod
    def read(self, problems: list[Problem]) -> Iterable[Record]:
        """Reads the records in a fixed order, and adds what is missing or broken to `problems`."""

    @abstractmethod
    def plan_record(self, record: Record) -> Plan[Recipe]:
        """Plans the samples of one record."""

    def units(self) -> Sequence[Record | Problem]:
        problems: list[Problem] = []
        return [*self.read(problems), *problems]

    def plan(self, unit: Record | Problem) -> Plan[Recipe]:
        return Plan((), problems=(unit,)) if isinstance(unit, Problem) else self.plan_record(unit)


def sample_random(seed: int, scenario: Scenario, key: str) -> random.Random:
    """The generator of one sample's random choices; other samples have no influence on it."""
    return random.Random(f"{seed}/{scenario.name}/{key}")
