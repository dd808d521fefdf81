"""The sample: one line of `<dataset>_preprocessed.jsonl`, and the start of one environment.

Each scenario has its own schema, on its page; keys that a schema does not know are kept and written back. A sample that
was read from a file is valid by itself (types, ranges, an answer among its categories, a template that stays inside the
data folder); what only shows when it is played is the business of `check`.

Samples come from strangers, so every number has a bound far above any real sample, and one sample is checked in seconds
at worst: real sequences have at most 890 frames, real turns 9 texts. The texts are at most 26 because their letters are
A to Z.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from proactivebench.scenarios.scenario import Scenario
from proactivebench.views import Crop

MAX_FRAMES = 5_000
MAX_TEXTS = 26

Index = Annotated[int, Field(ge=0, le=1_000_000)]
Count = Annotated[int, Field(ge=1, le=MAX_FRAMES)]


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

    @property
    def is_fair(self) -> bool:
        """Whether the first frame hides the answer for sure; the leak filter leaves other samples out."""
        return True

    @property
    def object_box(self) -> Crop | None:
        """Where the object is on the frame, where the sample says that."""
        return None

    @classmethod
    def lenient(cls, entry: Mapping[str, Any]) -> Self:
        """A sample from a mapping as it is, unchecked: the published interface takes every entry."""
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
        }
        return cast("Self", cls.model_construct(None, **fields))
