"""VSOD: a video in which something hides the answer for a while; what is asked comes from labels (`vsod_labels`).

Questions about one video share its frames, which are numbered from 0 in the order of time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from rich.progress import Progress

from builders.base import Builder, Frame, NeedsMoreError, Plan, PlannedSample, Proposals, Skip, sample_random
from builders.options import Option
from builders.pictures import encode_jpeg, picture_versions, read_picture
from builders.pipeline.storage import fingerprint, path_part
from builders.vsod_labels import FILL_IN, QUESTIONS, WAIT, VsodLabel, read_labels, wrong_categories
from builders.wording import REWIND, VIDEO_ABSTENTIONS, category_text, draw_texts
from proactivebench import scenarios
from proactivebench.work.quiet import QUIET
from raw_sources.base import Problem
from raw_sources.folders import pictures
from raw_sources.vsod import Vsod, VsodRecord

if TYPE_CHECKING:
    from builders.vsod_desk import VsodDesk


@dataclass(frozen=True)
class VsodBuilder(Builder[tuple[VsodLabel, ...], tuple[Path, ...]]):
    """Builds the VSOD scenario; a unit is the labels of one video, a recipe its frames.

    Attributes:
        source: The videos.
        labels: What is asked about them, see `vsod_labels.read_labels`.
        seed: Decides texts and wrong categories.
    """

    scenario = scenarios.VSOD
    OPTIONS = (
        Option(
            "labels",
            Path,
            help="VSOD: the table, filled in: kind is speaker, people or event, strong_occlusions yes or no.",
        ),
    )
    PROPOSES = True

    source: Vsod
    labels: Sequence[VsodLabel]
    seed: int = 0

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> VsodBuilder:
        source = Vsod.locate(raw)
        if options["labels"] is None:
            raise NeedsMoreError(
                "VSOD needs labels by a person: `proactivebench build vsod --propose labels.csv` makes the table to "
                "fill in, `--labels labels.csv` builds from it."
            )
        return cls(source, read_labels(options["labels"]), options["seed"])

    @classmethod
    def propose(cls, raw: Path, table: Path, progress: Progress = QUIET) -> Proposals:
        from builders.vsod_proposals import propose

        report = propose(Vsod.locate(raw), table, progress)
        return Proposals(report.rows, "labels", FILL_IN, "their contact sheets", report.problems)

    @classmethod
    def desk(cls, raw: Path, table: Path, beside: Path | None) -> VsodDesk:
        from builders.vsod_desk import VsodDesk

        return VsodDesk(Vsod.locate(raw), table, beside)

    def settings(self) -> dict[str, Any]:
        folder = self.source.folder
        videos = sorted({label.video for label in self.labels} & self._videos)
        labels = orjson.dumps([label.model_dump(exclude={"where"}) for label in self.labels])
        return {
            "seed": self.seed,
            "labels": hashlib.blake2b(labels, digest_size=8).hexdigest(),
            "raw data": fingerprint(folder, (path for name in videos for path in pictures(folder / "Data" / name))),
        }

    @cached_property
    def _videos(self) -> frozenset[str]:
        return frozenset(f"{split}/{name}" for split, name in self.source.videos())

    def versions(self) -> dict[str, str]:
        return picture_versions()

    def units(self) -> Sequence[tuple[VsodLabel, ...]]:
        video = attrgetter("video")
        return [tuple(group) for _, group in groupby(sorted(self.labels, key=video), key=video)]

    def plan(self, unit: tuple[VsodLabel, ...]) -> Plan[tuple[Path, ...]]:
        if unit[0].video not in self._videos:
            missing = f"the raw data has no {unit[0].video}"
            return Plan((), problems=[Problem(f"{label.where}, video", missing) for label in unit])
        problems: list[Problem] = []
        split, video = unit[0].video.split("/")
        record = self.source.read_video(split, video, problems)
        if record is None:
            return Plan((), [Skip(label.key, "the video cannot be used") for label in unit], problems)
        samples = []
        for label in unit:
            outside = list(_outside(label, len(record.frames)))
            problems += outside
            if not outside:
                samples.append(self._plan_sample(label, record))
        return Plan(samples, problems=problems)

    def _plan_sample(self, label: VsodLabel, record: VsodRecord) -> PlannedSample[tuple[Path, ...]]:
        random = sample_random(self.seed, self.scenario, label.key)
        texts = draw_texts(random, QUESTIONS[label.kind], [REWIND, WAIT], VIDEO_ABSTENTIONS)
        answer = category_text(label.answer)
        categories = [answer, *wrong_categories(random, label, self.labels)]
        random.shuffle(categories)
        fields = {
            "image_template": f"{self.scenario.dataset}/{record.split}/{path_part(record.video)}/{{image}}.jpg",
            "first_image": label.first_image,
            "num_images": len(record.frames),
            "reference_image": label.reference_image,
            "prompt": label.question or texts.prompt,
            "options": texts.options,
            "categories": categories,
            "answer": answer,
            "strong_occlusions": label.strong_occlusions,
        }
        frames = tuple(frame.picture for frame in record.frames)
        licence = "MIT (code of its authors)"
        return PlannedSample(label.key, fields, frames, f"VSOD {label.video}", licence, shared_frames=label.video)

    def render(self, planned: PlannedSample[tuple[Path, ...]]) -> Iterator[Frame]:
        template: str = planned.fields["image_template"]
        for number, path in enumerate(planned.recipe):
            yield Frame(template.replace("{image}", f"{number:04}"), encode_jpeg(read_picture(path)))


def _outside(label: VsodLabel, frames: int) -> Iterator[Problem]:
    """The frame numbers of a label that the video does not have."""
    for column, number in (("first_image", label.first_image), ("reference_image", label.reference_image)):
        if number >= frames:
            yield Problem(f"{label.where}, {column}", f"the video's frames are 0 to {frames - 1}, found {number}")
