"""A benchmark that this toolkit built, with what its manifest says of it: what is packed, described and published."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from builders.hub.remote import sha256
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.layout import DATA, KEPT_IDS, MANIFEST, TRAIN, TRAIN_FILES
from proactivebench.manifest import Entry, read_manifest
from proactivebench.scenarios import SCENARIOS, get_scenario


@dataclass(frozen=True)
class Build:
    """A benchmark and its manifest.

    Attributes:
        benchmark: The samples, and where they lie.
        scenarios: Short scenario name -> manifest entry, in the order of the paper.
        train: The entry of the training split; None without one.
    """

    benchmark: Benchmark
    scenarios: Mapping[str, Entry]
    train: Entry | None = None

    @classmethod
    def open(cls, folder: Path) -> Build:
        """Opens the scenarios of a build.

        Raises:
            UsageError: The folder is not a benchmark that was built with this toolkit.
        """
        if not (folder / MANIFEST).is_file():
            raise UsageError(
                f"{folder} has no manifest.json, so this toolkit did not build it. Name the folder that "
                "`proactivebench build` wrote."
            )
        manifest = read_manifest(folder)
        built = {name: manifest[name] for name in SCENARIOS if name in manifest}
        if not built:
            raise UsageError(
                f"{folder / MANIFEST} lists no scenario, so nobody can tell what belongs to the benchmark and where "
                "it comes from. Build one with `proactivebench build`."
            )
        return cls(Benchmark.open(folder), built)

    def with_train(self) -> Build:
        """The same build with its training split, if it has one.

        Raises:
            UsageError: The training split is not the one that the manifest describes.
        """
        if not self.train_files:
            return self
        entry = read_manifest(self.folder).get(TRAIN)
        listed = {file.path: file.sha256 for file in entry.stored(self.folder)} if entry else {}
        if entry is None or any(listed.get(path) != sha256(self.folder / path) for path in self.train_files):
            raise UsageError(
                f"{self.folder / DATA} holds a training split that is not the one of {self.folder / MANIFEST}, so "
                "nobody can tell where it comes from. Build it with `proactivebench build train`, or move it away."
            )
        return replace(self, train=entry)

    def only(self, parts: Collection[str]) -> Build:
        """The same build with some of its parts, by any of their names; with none named, all of them.

        Raises:
            UsageError: It does not have one of them, or they are no benchmark: no scenario is among them.
        """
        if not parts:
            return self
        names = [TRAIN if part == TRAIN else get_scenario(part).name for part in parts]
        for name in names:
            if name not in self.parts:
                raise UsageError(f"{self.folder} does not contain {name}; it has {', '.join(self.parts)}.")
        scenarios = {name: entry for name, entry in self.scenarios.items() if name in names}
        if not scenarios:
            raise UsageError(f"A benchmark is published with one of its scenarios: {', '.join(self.scenarios)}.")
        return replace(self, scenarios=scenarios, train=self.train if TRAIN in names else None)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.benchmark.folder

    @property
    def parts(self) -> dict[str, Entry]:
        """The entries of the scenarios and of the training split."""
        return {**self.scenarios, **({TRAIN: self.train} if self.train else {})}

    @property
    def train_files(self) -> list[str]:
        """Paths of the training split's files."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob(TRAIN_FILES))

    @property
    def has_kept_ids(self) -> bool:
        """Whether a leak filter's list lies beside the samples."""
        return (self.folder / KEPT_IDS).is_file()
