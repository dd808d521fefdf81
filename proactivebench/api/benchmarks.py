"""Benchmarks, their samples and games on them, as Python and notebooks see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from proactivebench import benchmark, scenarios
from proactivebench.answers import what_counts
from proactivebench.api.html import as_html, data_uri
from proactivebench.api.rows import Rows
from proactivebench.errors import UsageError
from proactivebench.images import Picture, load_picture
from proactivebench.reports.album import right_options
from proactivebench.reports.pictures import Pictures
from proactivebench.reports.sample_album import SampleAlbum
from proactivebench.scenarios import Environment, Verdict, get_scenario, make_environment
from proactivebench.scenarios.reach import reachable

if TYPE_CHECKING:
    from PIL import Image

HUB = "hub:"


class Benchmark(benchmark.Benchmark):
    """A benchmark on disk, as `open_benchmark` opens it; iterating over it gives the samples that count."""

    def __iter__(self) -> Iterator[Sample]:
        for scenario in self.scenarios:
            for sample in self.samples(scenario):
                yield Sample(self, sample)

    def sample(self, scenario: str, number: int) -> Sample:
        """One sample, also one that the leak filter drops.

        Args:
            scenario: Name of the scenario, in any spelling that the commands take.
            number: The sample's id.

        Raises:
            UsageError: There is no such scenario or sample.
        """
        found = get_scenario(scenario)
        for sample in self.samples(found, filtered=False):
            if sample.id == number:
                return Sample(self, sample)
        raise UsageError(f"{self.folder} has no {found.name} sample {number}.")

    def summary(self) -> Rows:
        """For each scenario how many samples there are, how many count, and how many categories they have."""
        rows = []
        for scenario in self.scenarios:
            there = list(self.samples(scenario, filtered=False))
            counts = sum(1 for _ in self.samples(scenario))
            answers = Counter(sample.answer for sample in there)
            rows.append(
                {
                    "scenario": scenario.name,
                    "title": scenario.title,
                    "samples": len(there),
                    "kept": counts,
                    "categories": len(answers),
                }
            )
        return Rows(rows, str(self.source or self.folder))

    def _repr_html_(self) -> str | None:
        return self.summary()._repr_html_()


@dataclass(frozen=True)
class Sample:
    """A sample with its frames.

    Attributes:
        benchmark: Where it is from.
        record: Its fields, as the scenario's schema names them.
    """

    benchmark: Benchmark
    record: scenarios.Sample

    @property
    def scenario(self) -> str:
        """Short name of its scenario."""
        return self.record.scenario.name

    @property
    def id(self) -> int:
        """Its number within the scenario."""
        return self.record.id

    @property
    def question(self) -> str:
        """The question."""
        return self.record.prompt

    @property
    def answer(self) -> str:
        """The right category."""
        return self.record.answer

    @property
    def frames(self) -> list[Image.Image]:
        """All frames that can be reached from the first, which is the first of them; in mode RGB.

        Raises:
            PictureError: One cannot be read.
        """
        found = dict.fromkeys((seen.frame_path, seen.view) for seen in reachable(make_environment(self.record)))
        return [load_picture(Picture(self.benchmark.frame(path), view)) for path, view in found]

    def play(self, *, hint: bool = False) -> Game:
        """An episode to be played by hand, from its first turn.

        Args:
            hint: Append the scenario's hint to the question.
        """
        return Game(self, make_environment(self.record, hint=hint))

    def __repr__(self) -> str:
        return f"<Sample {self.scenario} {self.id}: {self.question!r}, {self.answer!r}>"

    def _repr_html_(self) -> str | None:
        album = SampleAlbum(self.benchmark, [self.record])
        [entry] = album.entries(0, 0, 1)
        nothing = {"reply": None, "chosen": None}
        frames = [{**turn, **nothing, "uri": data_uri(album.pictures, turn["picture"])} for turn in entry["turns"]]
        return as_html("strip", f"{self.scenario} {self.id}", f"The answer is {self.answer}", frames)


class Game:
    """An episode in play: see the frame, answer, see the next one. A notebook shows the present turn.

    Args:
        sample: What is played.
        environment: The episode as it stands.

    Attributes:
        sample: What is played.
        environment: The episode, with everything that an evaluator sees of it.
        verdicts: How each answer was read.
    """

    def __init__(self, sample: Sample, environment: Environment):
        self.sample = sample
        self.environment = environment
        self.verdicts: list[Verdict] = []

    @property
    def picture(self) -> Image.Image:
        """What is shown now, in mode RGB.

        Raises:
            PictureError: It cannot be read.
        """
        return load_picture(self._picture())

    @property
    def question(self) -> str:
        """The question of this turn."""
        return self.environment.observe().question

    @property
    def options(self) -> tuple[str, ...]:
        """All that can be answered now; the first has the letter A."""
        return self.environment.options

    @property
    def right(self) -> set[str]:
        """The options that are right now."""
        return right_options(self.environment)

    @property
    def done(self) -> bool:
        """Whether the episode has ended."""
        return self.environment.done

    @property
    def correct(self) -> bool:
        """Whether it ended with the right category."""
        return self.environment.correct

    def answer(self, reply: str) -> Game:
        """Answers as a model would: with an option's text or letter, or anything else.

        Raises:
            UsageError: The episode has ended.
        """
        if self.done:
            raise UsageError("This episode has ended; `sample.play()` begins another.")
        self.verdicts.append(self.environment.step(what_counts(reply)))
        return self

    def __repr__(self) -> str:
        if self.done:
            return f"<Game over: {'right' if self.correct else 'not right'} after {len(self.verdicts)} turns>"
        return f"<Game at turn {self.environment.turn + 1} of {self.environment.max_turns}: {', '.join(self.options)}>"

    def _picture(self) -> Picture:
        seen = self.environment.observe()
        return Picture(self.sample.benchmark.frame(seen.frame_path), seen.view)

    def _repr_html_(self) -> str | None:
        pictures = Pictures()
        now = {"question": self.question, "options": self.options, "chosen": None, "reply": None}
        frame: dict[str, Any] = {**now, "uri": data_uri(pictures, pictures.add(self._picture()))}
        about = "" if self.done else f"Turn {self.environment.turn + 1} of at most {self.environment.max_turns}."
        title = repr(self).strip("<>") if self.done else f"{self.sample.scenario} {self.sample.id}"
        return as_html("strip", title, about, [] if self.done else [frame], "", False)


def open_benchmark(data: str | Path, *, scenarios: tuple[str, ...] = ()) -> Benchmark:
    """Opens a benchmark, and pulls it first where it is on the Hub.

    Args:
        data: Its folder, or `hub:USER/NAME` or `hub:USER/NAME@REVISION`, which goes to the Hub's cache.
        scenarios: What is needed of a benchmark on the Hub; by default everything.

    Raises:
        UsageError: The folder has no samples.
        ProactiveBenchError: It cannot be pulled, and is not in the cache either.
    """
    if not str(data).startswith(HUB):
        return _opened(Path(data))
    from builders.hub.cached import pull_to_cache
    from builders.hub.client import connect
    from proactivebench.work.quiet import QUIET

    repository, _, revision = str(data).removeprefix(HUB).partition("@")
    folder, _ = pull_to_cache(connect(), repository, revision, parts=scenarios, progress=QUIET)
    return _opened(folder)


def _opened(folder: Path) -> Benchmark:
    found = Benchmark.open(folder)
    assert isinstance(found, Benchmark)
    return found


def build(
    scenario: str,
    out: str | Path,
    *,
    raw: str | Path | None = None,
    storage: Literal["files", "shards"] = "files",
    workers: int = 1,
    **options: Any,
) -> Benchmark:
    """Builds a scenario into a benchmark, or continues a build that was interrupted.

    Args:
        scenario: Its name. `quickdraw` can be built without anything else.
        out: Folder of the benchmark; created if missing.
        raw: Folder with the raw data, at any depth; None takes the 280 drawings that come with the toolkit.
        storage: A file for each frame, or a few large tars.
        workers: Number of processes.
        options: The seed and the scenario's own options of `proactivebench build`, with underscores.

    Raises:
        ProactiveBenchError: The folder holds another build, an option cannot be meant, or nothing was built.
        SourceError: The raw data are not there, or cannot be used.
    """
    import raw_sources
    from builders.pipeline import build as pipeline
    from builders.registry import builders, make_builder

    meant = get_scenario(scenario)
    if (chosen := builders().get(meant.name)) is not None:
        known = ["seed", *(option.name for option in chosen.OPTIONS)]
        if strange := sorted(options.keys() - set(known)):
            raise UsageError(f"There is no option {strange[0]} of {meant.name}. There are: {', '.join(known)}.")
    builder = make_builder(meant, Path(raw or Path(raw_sources.__file__).parent / "bundled"), **options)
    pipeline.build(builder, Path(out), workers=workers, storage=storage)
    return _opened(Path(out))
