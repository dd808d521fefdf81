"""The sample: one line of `<dataset>_preprocessed.jsonl`, and the start of one environment.

Each scenario has its own schema; keys that a schema does not know are kept and written back. A sample that was read
from a file is valid by itself (types, ranges, an answer among its categories, a template that stays inside the data
folder); what only shows when it is played is the business of `environments.check`.

Samples come from strangers, so every number has a bound far above any real sample, and one sample is checked in seconds
at worst: real sequences have at most 890 frames, real crops 5 steps and less than 1,000 pixels, real turns 9 texts. The
texts are at most 26 because their letters are A to Z; a line has at most `MAX_LINE_BYTES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from proactivebench import scenarios
from proactivebench.errors import ProactiveBenchError
from proactivebench.files import write_whole
from proactivebench.scenarios import Scenario

MAX_LINE_BYTES = 1 << 20
MAX_FRAMES = 5_000
MAX_STEPS = 50
MAX_PIXELS = 100_000
MAX_TEXTS = 26

Index = Annotated[int, Field(ge=0, le=1_000_000)]
Count = Annotated[int, Field(ge=1, le=MAX_FRAMES)]
Step = Annotated[int | float, Field(ge=0, le=MAX_PIXELS)]
Edge = Annotated[int | float, Field(ge=-MAX_PIXELS, le=MAX_PIXELS)]

Direction = Literal["left", "right", "up", "down", "up_left", "up_right", "down_left", "down_right", "zoom"]


class SampleError(ProactiveBenchError):
    """A line that is no sample of its scenario: which file, line and field, and what was expected there."""

    def __init__(self, path: Path, line: int, problems: Iterable[str]):
        super().__init__(f"{path}, line {line}: " + "; ".join(problems))


class Sample(BaseModel):
    """What the samples of all scenarios share.

    Attributes:
        id: Unique within the scenario, below 2**53 as all of JSON's whole numbers.
        image_template: Path below the data folder, with the scenario's placeholders.
        first_image: Number of the frame that the first turn shows.
        num_images: Number of frames of the sequence, at most `MAX_FRAMES`.
        reference_image: Number of the frame that shows the answer.
        prompt: The question.
        options: Proactive suggestions and the abstention, in the order in which they are shown.
        categories: Possible answers, in the order in which they are shown.
        answer: The right category.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    scenario: ClassVar[Scenario]

    id: Annotated[int, Field(ge=0, lt=1 << 53)]
    image_template: str
    first_image: Index
    num_images: Count
    reference_image: Index
    prompt: Annotated[str, Field(min_length=1)]
    options: tuple[str, ...]
    categories: Annotated[tuple[str, ...], Field(min_length=2)]
    answer: str

    @model_validator(mode="after")
    def _check_template(self) -> Sample:
        path = PurePosixPath(self.image_template)
        if path.is_absolute() or ".." in path.parts or "\\" in self.image_template or "\0" in self.image_template:
            raise ValueError("image_template must be a relative path that stays inside the data folder")
        for name in self.scenario.placeholders:
            if f"{{{name}}}" not in self.image_template:
                raise ValueError(f"image_template lacks the placeholder {{{name}}}")
        return self

    @model_validator(mode="after")
    def _check_answer(self) -> Sample:
        if self.answer not in self.categories:
            raise ValueError(f"answer {self.answer!r} is not one of the categories")
        return self

    @model_validator(mode="after")
    def _check_letters(self) -> Sample:
        if (texts := len(self.options) + len(self.categories)) > MAX_TEXTS:
            raise ValueError(f"options and categories are {texts:,} texts, but only {MAX_TEXTS} letters can name them")
        return self

    @property
    def source(self) -> str:
        """What the frames show (a video, an object, a photo): samples that share it are not independent."""
        return self.image_template


class RodSample(Sample):
    """Realistic-Occlusion-Dataset: an occluder in front of an object."""

    scenario = scenarios.ROD

    @property
    def source(self) -> str:
        """The object, of whatever occluder, light and room (`natural_redbl_greenr-banana-s{image}.jpg`)."""
        return PurePosixPath(self.image_template).name.partition("-")[2].rpartition("-")[0] or self.image_template


class VsodSample(Sample):
    """OcclusionDataSet-MM20: a video whose subject is hidden for a while.

    Attributes:
        strong_occlusions: False where the subject can be guessed; the published loader drops such lines.
    """

    scenario = scenarios.VSOD
    strong_occlusions: bool


class MvpnSample(Sample):
    """MVP-N: views of a product.

    Attributes:
        valid_images: Numbers of the views, in the order in which they are shown; the last is informative.
    """

    scenario = scenarios.MVPN
    valid_images: Annotated[tuple[Index, ...], Field(min_length=1)]

    @property
    def source(self) -> str:
        """The product, of whatever set of its views."""
        return self.answer

    @model_validator(mode="after")
    def _check_views(self) -> MvpnSample:
        if len(self.valid_images) != self.num_images:
            raise ValueError(f"valid_images has {len(self.valid_images)} entries, but num_images is {self.num_images}")
        return self


class ImageNetCSample(Sample):
    """ImageNet-C: a corrupted photo, severity 5 first.

    Attributes:
        quality_answer: The one suggestion among `options` that helps.
    """

    scenario = scenarios.IN_C
    quality_answer: str

    @property
    def source(self) -> str:
        """The photo, of whatever corruption."""
        return PurePosixPath(self.image_template).name

    @model_validator(mode="after")
    def _check_quality_answer(self) -> ImageNetCSample:
        if self.quality_answer not in self.options:
            raise ValueError(f"quality_answer {self.quality_answer!r} is not one of the options")
        return self


class QuickDrawSample(Sample):
    """Quick, Draw!: a drawing, one more stroke in every frame."""

    scenario = scenarios.QD


class ChangeItSample(Sample):
    """ChangeIt: a video that shows the answer at another time.

    Attributes:
        step_size: Frames between two positions.
        max_steps: Turns of an episode.
    """

    scenario = scenarios.CIT
    step_size: Count
    max_steps: Count


class CropBox(BaseModel):
    """A rectangle in pixels, origin top left; edges up to `MAX_PIXELS`.

    Attributes:
        top: Upper edge.
        left: Left edge.
        width: The RIGHT EDGE for the eight directions, the width for `zoom` (published layout).
        height: The BOTTOM EDGE for the eight directions, the height for `zoom` (published layout).
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    top: Edge
    left: Edge
    width: Edge
    height: Edge


class CocoSample(Sample):
    """COCO 2014: a crop of a photo that moves or grows towards the object.

    Attributes:
        direction: Where the object lies, seen from the crop; `zoom` grows the crop on all sides.
        granularity: Number of steps along one axis, at most `MAX_STEPS`.
        horizontal_step: Pixels of one step to the left or right.
        vertical_step: Pixels of one step up or down.
        crop: The view before the first step.
    """

    scenario = scenarios.COCO
    direction: Direction
    granularity: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    horizontal_step: Step
    vertical_step: Step
    crop: CropBox


_CLASSES: dict[str, type[Sample]] = {
    cls.scenario.name: cls
    for cls in (RodSample, VsodSample, MvpnSample, ImageNetCSample, QuickDrawSample, ChangeItSample, CocoSample)
}


def sample_class(scenario: str | Scenario) -> type[Sample]:
    """The schema of a scenario, given by any of its names.

    Raises:
        UsageError: There is no such scenario.
    """
    if isinstance(scenario, str):
        scenario = scenarios.get_scenario(scenario)
    return _CLASSES[scenario.name]


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
        on_error: Receives each bad line's error, and reading goes on; by default the first bad line raises.

    Raises:
        SampleError: A line is no sample of the scenario, or repeats an id.
    """
    schema = sample_class(scenario)
    line_of_id: dict[int, int] = {}
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), start=1):
            if not line.strip():
                continue
            try:
                sample = schema.model_validate_json(line, strict=True)
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


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Writes one JSON line per sample; the file appears complete or not at all."""
    write_whole(path, (sample.model_dump_json().encode() + b"\n" for sample in samples))


def lenient_sample(scenario: str | Scenario, entry: dict[str, Any]) -> Sample:
    """A sample from a mapping as it is, unchecked: the published interface takes every entry."""
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    if "crop" in fields:
        fields["crop"] = CropBox.model_construct(None, **fields["crop"])
    return sample_class(scenario).model_construct(None, **fields)
