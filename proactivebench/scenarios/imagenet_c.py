"""ImageNet-C: a corrupted photo, severity 5 first; of the suggested improvements one helps."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import model_validator

from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Scenario, Size


class ImageNetCSample(Sample):
    """ImageNet-C: a corrupted photo, severity 5 first.

    Attributes:
        quality_answer: The one suggestion among `options` that helps.
    """

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


class ImageNetCEnvironment(Environment):
    """The one fitting improvement makes the photo better, level by level."""

    sample: ImageNetCSample
    useful_in_last_turn = False

    def frame_path(self) -> str:
        return self.sample.image_template.replace("{level}", str(self.shown_frame))

    def frames(self) -> range:
        return range(1, 6)

    def useful(self) -> list[str]:
        # Random options: the answer is none of them.
        answer = self.sample.quality_answer
        return [answer] if answer in self.sample.options else super().useful()

    def move(self, action: AnyAction) -> None:
        self.frame_number -= 1

    def published_open_answers(self) -> str:
        # Published: what the present turn accepts.
        return self._one_text([*self.accepted, self.sample.answer])


IN_C = Scenario(
    name="IN-C",
    dataset="ImageNet-C",
    title="bad image quality",
    placeholders=("level",),
    keywords={
        "brightness": Action.BRIGHTNESS,
        "contrast": Action.CONTRAST,
        "saturation": Action.SATURATE,
        "deblur": Action.BLUR,
        "denoise": Action.NOISE,
        "compression": Action.JPEG_COMPRESSION,
        "resolution": Action.PIXELATE,
        "artifacts": Action.ARTIFACTS,
    },
    hint="Hint: enhancing the image quality could help with classification.",
    sample=ImageNetCSample,
    environment=ImageNetCEnvironment,
    sources=("imagenet-c",),
    open_suggestions=(lambda sample: sample.quality_answer,),
    paper=Size(samples=4_856, images=25_000, categories=1_000, actions=8),
)
