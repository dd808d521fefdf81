"""A benchmark on disk: the published layout, downloaded or built by us.

`<root>/<dataset>_preprocessed.jsonl` holds the samples of a scenario and `<root>/<dataset>/...` its frames; `root` is
the folder `test` of the benchmark, or the folder given. A benchmark with a `manifest.json` is one of ours. A benchmark
brings its own list of what survived the leak filter, `kept_ids.json`, or is played whole: the ids that survived the
published filter mean other samples anywhere but in the published data, so they apply where `provenance` proves these.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.layout import DATA, KEPT_IDS, MANIFEST, TEST, samples_name
from proactivebench.provenance import PUBLISHED, file_digest, origin
from proactivebench.samples import read_samples
from proactivebench.scenarios import SCENARIOS, Sample, Scenario, get_scenario


@dataclass(frozen=True)
class Benchmark:
    """A folder in the published layout.

    Attributes:
        folder: The benchmark's folder, where `manifest.json` and `kept_ids.json` lie.
        root: The folder that the samples' frame paths start from.
        assume_published: Takes data without `manifest.json` and `kept_ids.json` for the published data, unproven.
    """

    folder: Path
    root: Path
    assume_published: bool = False

    @classmethod
    def open(cls, folder: Path, *, assume_published: bool = False) -> Benchmark:
        """Opens a benchmark by its folder, or by the folder `test` inside it.

        Args:
            folder: The folder.
            assume_published: See the attribute; for the published interface, which does so.

        Raises:
            UsageError: The folder has no samples.
        """
        for root in (folder / TEST, folder):
            if any(root.glob(samples_name("*"))):
                return cls(root.parent if root.name == TEST else root, root, assume_published)
        raise UsageError(
            f"{folder} is not a benchmark: expected files like {folder}/test/QuickDraw_preprocessed.jsonl. "
            "Build one with `proactivebench build`, or name the folder of a downloaded one."
        )

    @classmethod
    def open_build(cls, folder: Path) -> Benchmark:
        """Opens a benchmark like `open`, or a build without scenarios: one that holds the train split alone.

        Raises:
            UsageError: The folder holds neither.
        """
        built = cls(folder, folder / TEST)
        has_train_alone = built.is_ours and (folder / DATA).is_dir() and not built.scenarios
        return built if has_train_alone else cls.open(folder)

    def path(self, scenario: Scenario) -> Path:
        """The JSONL file of a scenario."""
        return self.root / samples_name(scenario.dataset)

    def frame(self, frame_path: str) -> Path:
        """Where a frame of a sample is.

        Raises:
            UsageError: A link leads out of the benchmark there: data from a stranger could show any picture of the
                disk, and send it to a server.
        """
        path = self.root / frame_path
        if not _leads_inside(self.root, path.parent) or (path.is_symlink() and not _is_below(self.root, path)):
            raise UsageError(
                f"{path} is a link that leads out of {self.root}, so it is not read. Put the files themselves there."
            )
        return path

    @cached_property
    def scenarios(self) -> list[Scenario]:
        """The scenarios that are there, in the order of the paper."""
        return [scenario for scenario in SCENARIOS.values() if self.path(scenario).is_file()]

    def chosen(self, names: Collection[str]) -> list[Scenario]:
        """The scenarios of some names, each once and in the order of the paper; without names all that are there.

        Raises:
            UsageError: There is no scenario of such a name.
        """
        named = {get_scenario(name).name for name in names}
        return [scenario for scenario in SCENARIOS.values() if scenario.name in named] or self.scenarios

    @cached_property
    def is_ours(self) -> bool:
        """Whether this toolkit built the benchmark."""
        return (self.folder / MANIFEST).is_file()

    @cached_property
    def source(self) -> str | None:
        """`hub:USER/NAME@COMMIT` where all samples are as they came from there; else None."""
        origins = {origin(self.folder, self.path(scenario)) for scenario in self.scenarios}
        only = origins.pop() if len(origins) == 1 else None
        return only and f"hub:{only[0]}@{only[1]}"

    def is_published(self, scenario: Scenario) -> bool:
        """Whether the samples of a scenario are the published ones, by proof or by assumption."""
        if self.assume_published and not self.is_ours:
            return True
        came = origin(self.folder, self.path(scenario)) if self.path(scenario).is_file() else None
        return came is not None and came[0] == PUBLISHED

    def kept_ids(self, scenario: Scenario) -> Collection[int] | None:
        """The ids that survived this benchmark's leak filter; None where it has no list.

        Raises:
            ProactiveBenchError: `kept_ids.json` is not a mapping from scenarios to lists of ids.
        """
        own = self.folder / KEPT_IDS
        if own.is_file():
            return _read_kept_ids(own.read_bytes(), str(own)).get(scenario.name)
        return published_kept_ids().get(scenario.name) if self.is_published(scenario) else None

    def samples(self, scenario: Scenario, *, filtered: bool = True) -> Iterator[Sample]:
        """Yields the samples of a scenario that count.

        Args:
            scenario: One of `scenarios`.
            filtered: Leave out what the leak filter dropped, and samples that are not `is_fair`.

        Raises:
            UsageError: The benchmark does not hold this scenario, or its leak filter keeps ids that it does not hold.
            SampleError: A line is not a sample.
        """
        if not self.path(scenario).is_file():
            present = ", ".join(present.name for present in self.scenarios)
            raise UsageError(
                f"{self.folder} does not contain {scenario.name} ({self.path(scenario).name}); it has {present}."
            )
        there = read_samples(self.path(scenario), scenario)
        yield from self.counted(scenario, there) if filtered else there

    def counted(self, scenario: Scenario, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Yields those of all samples of a scenario that the leak filter keeps and that are `is_fair`.

        Raises:
            UsageError: This benchmark's leak filter keeps ids that are not among them.
        """
        kept = self.kept_ids(scenario)
        absent = set(kept or ()) if (self.folder / KEPT_IDS).is_file() else set()
        for sample in samples:
            absent.discard(sample.id)
            if sample.is_fair and (kept is None or sample.id in kept):
                yield sample
        if absent:
            raise UsageError(
                f"{self.folder / KEPT_IDS} keeps {len(absent)} {scenario.name} samples that are not there, such as "
                f"{min(absent)}: it belongs to other data. Remove it, and make the data's own with `proactivebench "
                "filter`."
            )

    def samples_digest(self, scenario: Scenario) -> str | None:
        """SHA-256 of the samples file of a scenario; None where there is none."""
        path = self.path(scenario)
        return file_digest(path) if path.is_file() else None

    def kept_digest(self, scenario: Scenario) -> str | None:
        """SHA-256 of the ids that survived the leak filter; None where all samples count."""
        kept = self.kept_ids(scenario)
        return None if kept is None else hashlib.sha256(json.dumps(sorted(kept)).encode()).hexdigest()


def _is_below(root: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


@lru_cache(maxsize=4096)
def _leads_inside(root: Path, folder: Path) -> bool:
    """Whether a folder is below another, remembered: thousands of frames share one."""
    return _is_below(root, folder)


def published_kept_ids() -> dict[str, frozenset[int]]:
    """The ids that survived the leak filter of the published data, by short scenario name."""
    text = resources.files("proactivebench.published").joinpath(KEPT_IDS).read_bytes()
    return _read_kept_ids(text, KEPT_IDS)


def _read_kept_ids(text: bytes, name: str) -> dict[str, frozenset[int]]:
    """Short scenario name -> ids."""
    try:
        ids = TypeAdapter(dict[str, frozenset[int]]).validate_json(text, strict=True)
        return {get_scenario(scenario).name: kept for scenario, kept in ids.items()}
    except (ValidationError, UsageError) as error:
        raise ProactiveBenchError(
            f"{name}: expected a JSON object from scenarios to lists of ids ({error})."
        ) from error
