"""How episodes are played: the settings of the paper, all of them part of a run's identity."""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from proactivebench.errors import UsageError
from proactivebench.scenarios import Sample, Scenario, get_scenario
from proactivebench.work.files import read_text

Mode = Literal["mcqa", "reference", "forced", "oeg", "oeg-multi"]

OPEN_ENDED = ("oeg", "oeg-multi")
"""Modes in which models reply freely."""

MULTIPLE_CHOICE = "multiple choice"
"""The usual setting, in words."""

SIZE_ONLY = ("seed", "limit", "repeats", "samples")
"""Settings that change how many or which episodes are played, but not what is asked."""

_MODES = {"oeg": "open-ended", "oeg-multi": "open-ended multi-turn"}
"""Mode -> what people call it, where that is another word."""

PAPER_LIMIT = 100
"""Samples per scenario with free replies in the paper."""


class Settings(BaseModel):
    """The settings of a run.

    Attributes:
        mode: `mcqa`: multiple choice over as many turns as the environment allows; `reference`: one turn on the
            reference frame with the categories alone; `forced`: the categories alone on every frame on the way there;
            `oeg`: one turn, a free reply, for a judge; `oeg-multi`: free replies over several turns, each read by a
            judge.
        hint: Append the scenario's hint to the question, in the open-ended modes the generic one.
        history: Keep earlier turns in the conversation; frames' short edges are resized to 224 pixels.
        shots: Solved episodes of other objects in front (ROD and MVP-N alone); their frames keep their size.
        shrink_examples: Shrink the examples' frames as the paper did for one model; see `examples`.
        random_options: Replace the suggestions by suggestions of other scenarios; each carries out a random action.
        control: What comes after a suggestion instead of the next frame: `blank` a grey picture, `same` the first frame
            again; None plays as usual.
        system_prompt: System message in front of every conversation; None sends none.
        seed: Decides everything random.
        repeats: Plays of every sample.
        limit: Samples per scenario, as `chosen_places` takes them; None plays all, and becomes `PAPER_LIMIT` in the
            open-ended modes where no samples are named.
        samples: Short scenario name -> ids to play; None plays all.
        filtered: Leave out what the benchmark's leak filter dropped.
    """

    model_config = ConfigDict(frozen=True)

    mode: Mode = "mcqa"
    hint: bool = False
    history: bool = False
    shots: Literal[0, 1, 3] = 0
    shrink_examples: bool = False
    random_options: bool = False
    control: Literal["blank", "same"] | None = None
    system_prompt: str | None = None
    seed: int = 0
    repeats: int = Field(default=1, ge=1)
    limit: int | None = Field(default=None, ge=1)
    samples: Mapping[str, tuple[int, ...]] | None = None
    filtered: bool = True

    @model_validator(mode="after")
    def _check_combination(self) -> Settings:
        if self.mode != "mcqa" and (self.shots or self.random_options):
            raise UsageError(f"Examples and random options belong to multiple choice, not to --mode {self.mode}.")
        if self.mode in ("reference", "oeg", "forced") and (self.history or self.control):
            raise UsageError(f"--mode {self.mode} asks about single frames: leave out --history and --control.")
        if self.shrink_examples and (self.history or not self.shots):
            raise UsageError(
                "--shrink-examples belongs to --shots, and not beside --history, which shrinks everything."
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _limit_free_replies(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("mode") in OPEN_ENDED:
            all_that_there_are = given.get("limit") is None and given.get("samples") is None
            return {**given, "limit": PAPER_LIMIT} if all_that_there_are else given
        return given

    @property
    def open_ended(self) -> bool:
        """Whether models reply freely instead of choosing."""
        return self.mode in OPEN_ENDED

    @property
    def unusual(self) -> list[str]:
        """What is not as usual in what is asked, in words."""
        words = []
        usual = Settings().model_dump(mode="json", exclude=set(SIZE_ONLY))
        for key, value in self.model_dump(mode="json", include=set(usual)).items():
            name = key.replace("_", " ")
            if value == usual[key]:
                continue
            if isinstance(value, bool):
                words.append(name if value else f"not {name}")
            else:
                words.append(_MODES.get(value, value) if key == "mode" else f"{name} {value}")
        return words

    @property
    def in_words(self) -> str:
        """What is asked: `multiple choice`, `hint`, `reference` ..."""
        return ", ".join(self.unusual) or MULTIPLE_CHOICE


class Part(NamedTuple):
    """How many samples of a scenario a run plays, of how many that it could."""

    samples: int
    of: int


def derive_seed(*parts: object) -> int:
    """A 63-bit seed that depends on all parts and on nothing else."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def named_samples(scenario: Scenario, samples: Iterable[Sample], settings: Settings) -> Iterator[Sample]:
    """Yields those samples of a scenario that the settings name, in their own order; where they name none, all.

    Raises:
        UsageError: The settings name a sample that is not there.
    """
    if settings.samples is None:
        yield from samples
        return
    missing = set(wanted := frozenset(settings.samples.get(scenario.name, ())))
    for sample in samples:
        if sample.id in wanted:
            missing.discard(sample.id)
            yield sample
    if missing:
        raise UsageError(
            f"There is no {scenario.name} sample {min(missing)}, which the list names ({len(missing)} such ids). "
            "Did the leak filter drop it? Then --no-filter plays it."
        )


def chosen_places(count: int, limit: int | None) -> bytearray:
    """Which of so many samples a limit takes: 1 for each of them, 0 for the others.

    It takes the first ones of a shuffled list, in the order that published runs take theirs from: always the same,
    whatever the run's seed, so that a smaller limit plays a part of a larger one's, and 100 the paper's samples.
    """
    if limit is None or limit >= count:
        return bytearray(b"\1") * count
    shuffled = array("I", range(count))
    random.Random(0).shuffle(shuffled)
    chosen = bytearray(count)
    for place in shuffled[:limit]:
        chosen[place] = 1
    return chosen


def read_sample_list(path: Path) -> dict[str, tuple[int, ...]]:
    """Reads a list of samples: a line is a scenario's name and an id (`QD 12`); `#` begins a comment.

    Raises:
        UsageError: A line is not of that form, or the scenario does not exist; or the file is not UTF-8 text.
    """
    ids: dict[str, set[int]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not words[1].isdecimal():
            raise UsageError(f"{path}, line {number}: expected a scenario and an id, such as `QD 12`, not {line!r}.")
        try:
            scenario = get_scenario(words[0])
        except UsageError as error:
            raise UsageError(f"{path}, line {number}: {error}") from None
        ids.setdefault(scenario.name, set()).add(int(words[1]))
    return {name: tuple(sorted(numbers)) for name, numbers in ids.items()}
