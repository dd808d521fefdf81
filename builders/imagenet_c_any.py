"""ImageNet-C: a photo under one corruption, worst level first.

Decided here: which corruption each picture gets. Snow, frost and fog are left out, for nothing a person could ask for
undoes them; the other sixteen take turns over all classes, so that each comes up equally often and no class gets one
twice, whatever is missing. `imagenet_c` takes the released pictures, `imagenet_c_generated` makes others of the kind.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Protocol, TypeVar

from builders.base import Frame, Plan, PlannedSample, Record, RecordBuilder, Skip, sample_random
from builders.negatives import draw_wrong_categories
from builders.wording import ABSTENTIONS, category_text
from proactivebench import scenarios
from proactivebench.errors import UsageError
from proactivebench.scenarios import Action
from raw_sources.base import Problem
from raw_sources.imagenet import CLASS_NAMES
from raw_sources.imagenet_c import SEVERITIES

ACTIONS: Mapping[str, Action] = {
    "gaussian_noise": Action.NOISE,
    "shot_noise": Action.NOISE,
    "impulse_noise": Action.NOISE,
    "speckle_noise": Action.NOISE,
    "defocus_blur": Action.BLUR,
    "glass_blur": Action.BLUR,
    "motion_blur": Action.BLUR,
    "zoom_blur": Action.BLUR,
    "gaussian_blur": Action.BLUR,
    "brightness": Action.BRIGHTNESS,
    "contrast": Action.CONTRAST,
    "saturate": Action.SATURATE,
    "jpeg_compression": Action.JPEG_COMPRESSION,
    "pixelate": Action.PIXELATE,
    "elastic_transform": Action.ARTIFACTS,
    "spatter": Action.ARTIFACTS,
}
"""The corruptions that are used, each with the action that makes it better."""

SUGGESTIONS: Mapping[Action, str] = {
    Action.BRIGHTNESS: "Adjust the brightness of the image.",
    Action.CONTRAST: "Increase the contrast of the image.",
    Action.SATURATE: "Correct the saturation of the image.",
    Action.BLUR: "Deblur the image.",
    Action.NOISE: "Denoise the image.",
    Action.JPEG_COMPRESSION: "Use a weaker compression for the image.",
    Action.PIXELATE: "Increase the resolution of the image.",
    Action.ARTIFACTS: "Remove the artifacts from the image.",
}

ALSO_HELP: Mapping[Action, frozenset[Action]] = {
    Action.BLUR: frozenset({Action.PIXELATE}),
    Action.NOISE: frozenset({Action.ARTIFACTS}),
    Action.BRIGHTNESS: frozenset({Action.CONTRAST}),
    Action.CONTRAST: frozenset({Action.BRIGHTNESS}),
    Action.SATURATE: frozenset(),
    Action.JPEG_COMPRESSION: frozenset({Action.ARTIFACTS, Action.PIXELATE}),
    Action.PIXELATE: frozenset({Action.BLUR, Action.ARTIFACTS}),
    Action.ARTIFACTS: frozenset({Action.NOISE}),
}
"""The right action -> others that would help in truth, and are therefore not shown as wrong ones."""

QUESTIONS = (
    "What does this image show?",
    "What is in this image?",
    "What is the main subject of this image?",
    "How would you classify this image?",
    "Which label describes this image best?",
    "What can be seen in this image?",
    "Can you name what this image shows?",
    "What is in the foreground of this image?",
    "What does this photo contain?",
    "What was photographed here?",
    "Do you recognize what is in this image?",
    "What is the most prominent thing in this image?",
    "What is this a photo of?",
    "What would you call the thing in this image?",
    "Can you tell what this picture shows?",
)

LICENCE = "ImageNet terms of access"

_INVALID_SUGGESTIONS = 3
_SHOWN = tuple(map(category_text, CLASS_NAMES.values()))


class Corrupted(Protocol):
    """A picture of a class under a corruption, at all levels."""

    @property
    def corruption(self) -> str: ...

    @property
    def wnid(self) -> str: ...

    @property
    def stem(self) -> str: ...


Picture = TypeVar("Picture", bound=Corrupted)


class AnyImageNetCBuilder(RecordBuilder[Record, Picture]):
    """What both ways to the ImageNet-C scenario share: the choice of pictures, corruptions and texts.

    A record is a class with whatever its pictures are found by.

    Attributes:
        seed: Decides which pictures are picked, their corruptions, texts and wrong categories.
        per_class: Pictures of each class.
    """

    scenario = scenarios.IN_C

    seed: int
    per_class: int

    @abstractmethod
    def wnid(self, record: Record) -> str:
        """The class."""

    @abstractmethod
    def pictures(self, record: Record, corruption: str, problems: list[Problem]) -> Sequence[Picture]:
        """The pictures of a class under a corruption, by name; adds what is broken to `problems`."""

    @abstractmethod
    def levels(self, picture: Picture) -> Iterator[bytes]:
        """Yields a JPEG for each of `SEVERITIES`.

        Raises:
            SourceError: A picture cannot be read.
        """

    def __post_init__(self) -> None:
        if not 1 <= self.per_class <= len(ACTIONS):
            raise UsageError(
                f"{self.per_class} pictures of each class (--per-category): expected 1 to {len(ACTIONS)}, for "
                "each gets another corruption"
            )

    def plan_record(self, record: Record) -> Plan[Picture]:
        wnid = self.wnid(record)
        samples: list[PlannedSample[Picture]] = []
        skipped: list[Skip] = []
        problems: list[Problem] = []
        found = {
            corruption: {picture.stem: picture for picture in self.pictures(record, corruption, problems)}
            for corruption in self._corruptions(wnid)
        }
        free = set[str]().union(*found.values())
        for corruption, pictures in found.items():
            key = f"{wnid}/{corruption}"
            if not free:
                skipped.append(Skip(key, f"its class has fewer than {self.per_class} pictures"))
                continue
            stem = min(free, key=lambda stem: (self.random(corruption, stem).random(), stem))
            free.remove(stem)
            if stem in pictures:
                samples.append(self._plan_sample(pictures[stem]))
            else:  # taking another one instead would change other samples
                skipped.append(Skip(key, f"its picture is not there under {corruption}"))
        return Plan(samples, skipped, problems)

    def _corruptions(self, wnid: str) -> list[str]:
        """The next corruptions in a round over all classes, whether their pictures are there or not."""
        turns = list(ACTIONS)
        Random(f"{self.seed}/corruptions").shuffle(turns)
        start = list(CLASS_NAMES).index(wnid) * self.per_class
        return [turns[turn % len(turns)] for turn in range(start, start + self.per_class)]

    def random(self, corruption: str, stem: str) -> Random:
        """The generator of a sample's random choices, of which the first decides whether it is picked."""
        return sample_random(self.seed, self.scenario, f"{corruption}/{stem}")

    def _plan_sample(self, picture: Picture) -> PlannedSample[Picture]:
        key = f"{picture.corruption}/{picture.stem}"
        random = self.random(picture.corruption, picture.stem)
        action = ACTIONS[picture.corruption]
        useless = [other for other in SUGGESTIONS if other not in {action, *ALSO_HELP[action]}]
        invalid = random.sample(useless, _INVALID_SUGGESTIONS)
        options = [*(SUGGESTIONS[shown] for shown in (action, *invalid)), random.choice(ABSTENTIONS)]
        random.shuffle(options)
        answer = category_text(CLASS_NAMES[picture.wnid])
        categories = [answer, *draw_wrong_categories(random, answer, _SHOWN)]
        random.shuffle(categories)
        folder = f"{self.scenario.dataset}/{picture.corruption}/{{level}}/{picture.wnid}"
        fields = {
            "image_template": f"{folder}/{picture.stem}.JPEG",
            "first_image": SEVERITIES[-1],
            "num_images": len(SEVERITIES),
            "reference_image": SEVERITIES[0],
            "prompt": random.choice(QUESTIONS),
            "options": options,
            "categories": categories,
            "answer": answer,
            "quality_answer": SUGGESTIONS[action],
        }
        return PlannedSample(key, fields, picture, f"ImageNet {picture.stem}, {picture.corruption}", LICENCE)

    def render(self, planned: PlannedSample[Picture]) -> Iterator[Frame]:
        template: str = planned.fields["image_template"]
        for severity, data in zip(SEVERITIES, self.levels(planned.recipe), strict=True):
            yield Frame(template.format(level=severity), data)
