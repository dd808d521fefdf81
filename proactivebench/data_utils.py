"""The published interface to data and prompts, as readers of the published README know it; a thin face."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, overload

from PIL import Image

from proactivebench import prompts
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.images import Picture, load_picture
from proactivebench.layout import TEST
from proactivebench.samples import read_samples
from proactivebench.scenarios import get_scenario

Transform = Callable[[Image.Image], Image.Image]

FILTER: dict[str, list[int]] = json.loads(
    resources.files("proactivebench.published").joinpath("kept_ids.json").read_text(encoding="utf-8")
)
"""The ids of the published data that survived the leak filter, by dataset name."""


class JSONLDataset(Sequence[dict[str, Any]]):
    """The samples of a scenario as mappings, without those that the leak filter or a weak occlusion drops.

    As in the published package, the published leak filter applies, here to data that bring neither a list of their own
    nor a manifest; `proactivebench evaluate` wants a proof that these are the published data.

    Args:
        path: The file of the samples, beside the folder of their frames.
        dataset: Any name of its scenario.

    Attributes:
        data: The samples.

    Raises:
        UsageError: There is no such scenario, or no such file.
        SampleError: A line is not a sample.
    """

    def __init__(self, path: str, dataset: str):
        scenario, file = get_scenario(dataset), Path(path)
        if not file.is_file():
            raise UsageError(f"{file}: there is no such file. Expected the samples of {scenario.dataset}.")
        folder = file.parent.parent if file.parent.name == TEST else file.parent
        benchmark = Benchmark(folder, file.parent, assume_published=True)
        samples = benchmark.counted(scenario, read_samples(file, scenario))
        self.data = [sample.model_dump(mode="json") for sample in samples]

    def __len__(self) -> int:
        return len(self.data)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self.data[index]


def load_proactivebench_dataset(data_dir: str, dataset: str) -> JSONLDataset:
    """The samples of a scenario.

    Args:
        data_dir: The benchmark's folder or the folder `test` inside it.
        dataset: Any name of the scenario.

    Raises:
        UsageError: There is no such scenario, or no such benchmark.
        SampleError: A line is not a sample.
    """
    benchmark = Benchmark.open(Path(data_dir), assume_published=True)
    return JSONLDataset(str(benchmark.path(get_scenario(dataset))), dataset)


def apply_multi_choice_template(question: str, options: Sequence[str], short_answer: bool = False) -> str:
    """The user's text of a multiple-choice turn; see `prompts.multiple_choice`."""
    return prompts.multiple_choice(question, options, short_answer)


def apply_conversation_template(user_prompt: str, image_path: str, transform: Transform) -> list[dict[str, Any]]:
    """A conversation of one user message with three blocks: the picture, its transform, the text."""
    blocks = [
        {"type": "image", "image": f"file://{image_path}"},
        {"type": "transform", "transform": transform},
        {"type": "text", "text": user_prompt},
    ]
    return [{"role": "user", "content": blocks}]


def load_image(conversation: list[dict[str, Any]], model_name: str) -> list[Image.Image]:
    """Loads the pictures of a conversation, each with its transform applied to the stored picture.

    Args:
        conversation: Messages of `apply_conversation_template`.
        model_name: Not needed: the picture is the same for every model. The published package lets another library
            resize it for some names before it is cropped, which shifts the crop.

    Returns:
        A picture per image block, in order.

    Raises:
        PictureError: A file is missing, truncated, too large or no picture.
    """
    blocks = [
        block for message in conversation if not isinstance(message["content"], str) for block in message["content"]
    ]
    paths = [Path(block["image"].removeprefix("file://")) for block in blocks if block["type"] == "image"]
    transforms = [block["transform"] for block in blocks if block["type"] == "transform"]
    return [load_picture(Picture(path, transform)) for path, transform in zip(paths, transforms, strict=True)]
