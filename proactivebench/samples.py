"""Reading and writing `<dataset>_preprocessed.jsonl`, a sample a line; the schemas are those of the scenarios.

The files come from strangers: a line has at most `MAX_LINE_BYTES`, and what is wrong with it is said with its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from proactivebench.errors import ProactiveBenchError
from proactivebench.scenarios import Sample, Scenario, get_scenario
from proactivebench.work.files import write_whole

MAX_LINE_BYTES = 1 << 20


class SampleError(ProactiveBenchError):
    """A line that is not a sample of its scenario: which file, line and field, and what was expected there."""

    def __init__(self, path: Path, line: int, problems: Iterable[str]):
        super().__init__(f"{path}, line {line}: " + "; ".join(problems))


def _explain(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        field = ".".join(map(str, problem["loc"]))
        message = problem["msg"].removeprefix("Value error, ")
        yield f"{field}: {message}" if field else message


def read_samples(
    path: Path, scenario: str | Scenario, on_error: Callable[[SampleError], None] | None = None
) -> Iterator[Sample]:
    """Reads the samples of a JSONL file, one by one.

    Args:
        path: File of UTF-8 JSON lines; empty lines are passed over.
        scenario: The scenario whose samples it holds.
        on_error: Receives each bad line's error, and reading continues; by default the first bad line raises.

    Raises:
        SampleError: A line is not a sample of the scenario, or repeats an id.
    """
    schema = (get_scenario(scenario) if isinstance(scenario, str) else scenario).sample
    last = -1
    line_of_id: dict[int, int] | None = None  # not needed as long as ids ascend, as those of our builds do
    with path.open("rb") as file:
        for number, line in _lines(file):
            try:
                sample = schema.model_validate_json(line, strict=True)
                if line_of_id is None and sample.id > last:
                    last, first = sample.id, number
                else:
                    line_of_id = _lines_of_ids(path, schema, number) if line_of_id is None else line_of_id
                    first = line_of_id.setdefault(sample.id, number)
                problems = [] if first == number else [f"id: must be unique, but line {first} has {sample.id} too"]
            except ValidationError as error:
                problems = list(_explain(error))
            if not problems:
                yield sample
            elif on_error is None:
                raise SampleError(path, number, problems)
            else:
                on_error(SampleError(path, number, problems))


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers."""
    lines = enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), start=1)
    return ((number, line) for number, line in lines if line.strip())


def _lines_of_ids(path: Path, schema: type[Sample], end: int) -> dict[int, int]:
    """Id -> number of the first line that has it, of the samples in front of a line."""
    found: dict[int, int] = {}
    with path.open("rb") as file:
        for number, line in _lines(file):
            if number >= end:
                break
            with suppress(ValidationError):
                found.setdefault(schema.model_validate_json(line, strict=True).id, number)
    return found


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Writes one JSON line per sample; the file appears complete or not at all."""
    write_whole(path, (sample.model_dump_json().encode() + b"\n" for sample in samples))
