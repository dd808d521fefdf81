"""What a builder is.

A builder first *plans*: it turns one unit of its raw source after the other into planned samples, cheaply, without
touching a picture. Everything that is decided is decided there, at random only through `sample_random`, whose generator
depends on the record alone, so that a missing record changes nothing of another sample but its number. Then it
*renders*: recipe in, frames out, no choices left, in any order and in any process. `pipeline.build` runs both.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from builders.options import Option
from proactivebench.desk import Desk
from proactivebench.errors import UsageError
from proactivebench.scenarios import Scenario
from proactivebench.work.quiet import QUIET
from raw_sources.base import Problem

if TYPE_CHECKING:
    from rich.progress import Progress

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
        samples: The planned samples, in a fixed order; `Lazily` planned where a unit gives many, so that they are never
            held together.
        skipped: Records that were left out on purpose.
        problems: Raw data that is broken or missing.
    """

    samples: Sequence[PlannedSample[Recipe]]
    skipped: Sequence[Skip] = ()
    problems: Sequence[Problem] = field(default=())


class NeedsMoreError(UsageError):
    """A scenario needs something that a person has to give."""


class Proposals(NamedTuple):
    """A table that was written for a person to fill in.

    Attributes:
        rows: Number of its rows.
        option: The option that takes it, filled in.
        fill_in: Column -> what is expected there.
        beside: What else was written beside the table, in words.
        problems: Raw data that is broken or missing.
    """

    rows: int
    option: str
    fill_in: Mapping[str, str]
    beside: str = ""
    problems: Sequence[Problem] = ()


class Builder(ABC, Generic[Unit, Recipe]):
    """Settings of a build, picklable, and the two steps from raw records to frames.

    Attributes:
        scenario: The scenario that it builds.
    """

    scenario: ClassVar[Scenario]
    OPTIONS: ClassVar[Sequence[Option]] = ()
    """What a person may say about a build; the values reach `from_options` by their names."""
    TRAIN_ROWS: ClassVar[Option | None] = None
    """The option that says how many rows `build train` takes from it; None where it offers none."""
    PROPOSES: ClassVar[bool] = False
    """Whether it needs a table from a person, and can propose one."""

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> Builder[Any, Any]:
        """Finds the raw data and makes the builder.

        Args:
            raw: Folder with the raw data, up to `raw_sources.folders.DEPTH` folders deep.
            options: The value of each of `OPTIONS`; besides, `seed` (int) decides every random choice, and `keep`
                (Path) is a folder for what was expensive to compute.

        Raises:
            SourceNotFoundError: The raw data are not there.
            NeedsMoreError: A person has to give something else.
            UsageError: An option cannot be meant, or a file that it names is wrong.
            SourceError: The raw data cannot be used at all.
        """
        raise _unwritten(cls, "from_options", "makes it from a folder of raw data")

    @classmethod
    def train_portion(cls, raw: Path, options: Mapping[str, Any], count: int) -> Portion[Any, Any]:
        """Makes what `build train` draws rows from: records that no sample of the benchmark shows.

        Args:
            raw: Folder with the raw data, up to `raw_sources.folders.DEPTH` folders deep.
            options: As for `from_options`; seed and options must be those of the benchmark.
            count: Number of rows, at least 1.

        Raises:
            ProactiveBenchError: As `from_options`.
        """
        raise _unwritten(cls, "train_portion", "chooses the rows that TRAIN_ROWS promises")

    @classmethod
    def propose(cls, raw: Path, table: Path, progress: Progress = QUIET) -> Proposals:
        """Writes the table that a person fills in, where the builder `PROPOSES` one (`--propose`).

        Raises:
            UsageError: The table is there already, or there is nothing to propose.
            SourceNotFoundError: The raw data are not there.
        """
        raise _unwritten(cls, "propose", "writes the table that PROPOSES promises")

    @classmethod
    def desk(cls, raw: Path, table: Path, beside: Path | None) -> Desk:
        """Opens the table that it proposed, to be filled in beside the raw data, where the builder `PROPOSES` one.

        Args:
            raw: Folder with the raw data, at any depth.
            table: The table.
            beside: That of a second person, made of the same proposals.

        Raises:
            UsageError: A table is wrong.
            SourceNotFoundError: The raw data are not there.
        """
        raise _unwritten(cls, "desk", "opens the table that PROPOSES promises")

    @property
    def sources(self) -> Sequence[str]:
        """Names of the raw sources that this build is made from; their licences decide whether it may be published."""
        return self.scenario.sources

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the build, as JSON values: seed, options, which raw data."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Name -> version of the libraries that decide the bytes of the frames."""

    @classmethod
    def check_folder(cls, parts: Mapping[str, Mapping[str, Any]]) -> None:
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
    """A builder whose units are records; what is wrong with the raw data stands behind them.

    Attributes:
        seed: Decides every random choice.
    """

    seed: int

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


@dataclass(frozen=True)
class Drawn(Generic[Record]):
    """What was drawn; beside it what was left out on purpose, and raw data that is broken or missing."""

    records: list[Record] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Portion(ABC, Generic[Unit, Record]):
    """The rows that come from one raw source.

    Attributes:
        builder: Makes a sample of a record, and renders it.
        count: Number of rows.
    """

    builder: Builder[Any, Any]
    count: int

    @abstractmethod
    def units(self) -> Sequence[Unit]:
        """The pieces of the raw source that are drawn from one by one; each picklable."""

    @abstractmethod
    def draw(self, unit: Unit) -> Drawn[Record]:
        """Draws records from a piece.

        Raises:
            SourceError: It cannot be read at all.
        """

    @abstractmethod
    def plan(self, record: Record) -> PlannedSample[Any]:
        """The sample of a record that was drawn."""


def _unwritten(cls: type, method: str, task: str) -> UsageError:
    return UsageError(f"{cls.__module__}.{cls.__name__} lacks the class method {method}, which {task}.")


def sample_random(seed: int, scenario: Scenario, key: str) -> random.Random:
    """The generator of one sample's random choices; other samples have no influence on it."""
    return random.Random(f"{seed}/{scenario.name}/{key}")
