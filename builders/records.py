"""Builders that turn the records of a raw source into samples, one record at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from builders.base import Builder, Plan, Recipe
from raw_sources.base import Problem

Record = TypeVar("Record")


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
