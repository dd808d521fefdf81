"""A benchmark on disk: the published layout, downloaded or built by us.

`<root>/<dataset>_preprocessed.jsonl` holds the samples of a scenario and `<root>/<dataset>/...` its frames; `root` is
the folder `test` of the benchmark, or the folder given. A benchmark with a `manifest.json` is one of ours. The ids that
survived the published leak filter belong to the published data alone; ours carries its own list, `kept_ids.json`, or
none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.samples import Sample, VsodSample, read_samples
from proactivebench.scenarios import SCENARIOS, Scenario, get_scenario

MANIFEST = "manifest.json"
KEPT_IDS = "kept_ids.json"


@dataclass(frozen=True)
class Benchmark:
    """A folder in the published layout.

    Attributes:
        folder: The benchmark's folder, where `manifest.json` and `kept_ids.json` lie.
        root: The folder that the samples' frame paths start from.
    """

    folder: Path
    root: Path

    @classmethod
    def open(cls, folder: Path) -> Benchmark:
        """Opens a benchmark by its folder, or by the folder `test` inside it.

        Raises:
            UsageError: The folder holds no samples.
        """
        for root in (folder / "test", folder):
            if any(root.glob("*_preprocessed.jsonl")):
                return cls(root.parent if root.name == "test" else root, root)
        raise UsageError(
            f"{folder} holds no benchmark: expected files like {folder}/test/QuickDraw_preprocessed.jsonl. "
            "Build one with `proactivebench build`, or name the folder of a downloaded one."
        )

    @classmethod
    def open_build(cls, folder: Path) -> Benchmark:
        """Opens a benchmark like `open`, or a build without scenarios: one that holds the train split alone.

        Raises:
            UsageError: The folder holds neither.
        """
        built = cls(folder, folder / "test")
        has_train_alone = built.is_ours and (folder / "data").is_dir() and not built.scenarios
        return built if has_train_alone else cls.open(folder)

    def path(self, scenario: Scenario) -> Path:
        """The JSONL file of a scenario."""
        return self.root / f"{scenario.dataset}_preprocessed.jsonl"

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

    def kept_ids(self, scenario: Scenario) -> Collection[int] | None:
        """The ids that survived this benchmark's leak filter; None where it has no list.

        Raises:
            ProactiveBenchError: `kept_ids.json` is not a mapping from scenarios to lists of ids.
        """
        own = self.folder / KEPT_IDS
        if own.is_file():
            ids = _read_kept_ids(own.read_bytes(), str(own))
        elif self.is_ours:
            return None
        else:
            text = resources.files("proactivebench.published").joinpath(KEPT_IDS).read_bytes()
            ids = _read_kept_ids(text, KEPT_IDS)
        return ids.get(scenario.name)

    def samples(self, scenario: Scenario, *, filtered: bool = True) -> Iterator[Sample]:
        """Yields the samples of a scenario that count.

        Args:
            scenario: One of `scenarios`.
            filtered: Leave out what the leak filter dropped, and VSOD samples without a strong occlusion.

        Raises:
            UsageError: The benchmark does not hold this scenario.
            SampleError: A line is no sample.
        """
        if not self.path(scenario).is_file():
            present = ", ".join(present.name for present in self.scenarios)
            raise UsageError(f"{self.folder} holds no {scenario.name} ({self.path(scenario).name}); it has {present}.")
        kept = self.kept_ids(scenario) if filtered else None
        for sample in read_samples(self.path(scenario), scenario):
            if kept is not None and sample.id not in kept:
                continue
            if filtered and isinstance(sample, VsodSample) and not sample.strong_occlusions:
                continue
            yield sample

    def fingerprint(
        self, scenarios: Iterable[Scenario] | None = None, *, filtered: bool = True
    ) -> dict[str, str | None]:
        """What tells the samples of some scenarios from others: SHA-256 of all samples, and of the kept ids.

        Args:
            scenarios: By default all that are there; one that is not there counts as empty.
            filtered: Whether the kept ids count; without, theirs is None.
        """
        chosen = self.scenarios if scenarios is None else list(scenarios)
        samples = hashlib.sha256()
        for path in map(self.path, chosen):
            samples.update(path.name.encode() + b"\0")
            if path.is_file():
                samples.update(hashlib.sha256(path.read_bytes()).digest())
        kept = {scenario.name: sorted(self.kept_ids(scenario) or ()) for scenario in chosen} if filtered else {}
        kept_digest = hashlib.sha256(json.dumps(kept).encode()).hexdigest() if any(kept.values()) else None
        return {"samples": samples.hexdigest(), "kept_ids": kept_digest}


def _read_kept_ids(text: bytes, name: str) -> dict[str, frozenset[int]]:
    """Short scenario name -> ids."""
    try:
        ids = TypeAdapter(dict[str, frozenset[int]]).validate_json(text, strict=True)
        return {get_scenario(scenario).name: kept for scenario, kept in ids.items()}
    except (ValidationError, UsageError) as error:
        raise ProactiveBenchError(
            f"{name}: expected a JSON object from scenarios to lists of ids ({error})."
        ) from error
