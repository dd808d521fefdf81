"""The published interface to data and prompts, as readers of the published README know it; a thin face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from proactivebench import prompts
from proactivebench.benchmark import Benchmark
from proactivebench.images import Picture, load_picture
from proactivebench.scenarios import get_scenario

Transform = Callable[[Image.Image], Image.Image]


def load_proactivebench_dataset(data_dir: str, dataset: str) -> list[dict[str, Any]]:
    """The samples of a scenario as mappings, without those that the leak filter or a weak occlusion drops.

    As in the published package, the published leak filter applies, here to data that bring neither a list of their own
    nor a manifest; `proactivebench evaluate` wants a proof that these are the published data.

    Args:
        data_dir: The benchmark's folder or the folder `test` inside it.
        dataset: Any name of the scenario.

    Raises:
        UsageError: There is no such scenario, or no such benchmark.
        SampleError: A line is no sample.
    """
    samples = Benchmark.open(Path(data_dir), assume_published=True).samples(get_scenario(dataset))
    return [sample.model_dump(mode="json") for sample in samples]


def apply_multi_choice_template(question: str, options: Sequence[str], short_answer: bool = False) -> str:
    """The user's text of a multiple-choice turn; see `prompts.multiple_choice`."""
    return prompts.multiple_choice(question, options, short_answer)


def apply_conversation_template(
    user_prompt: str, image_path: str, transform: Transform | None = None
) -> list[dict[str, Any]]:
    """A conversation of one user message: the picture, then the text."""
    image = {"type": "image", "image": image_path, "transform": transform}
    return [{"role": "user", "content": [image, {"type": "text", "text": user_prompt}]}]


def load_image(conversation: list[dict[str, Any]], model_name: str = "") -> Image.Image | list[Image.Image]:
    """Loads the pictures of a conversation, each with its transform applied to the stored picture.

    Args:
        conversation: Messages of `apply_conversation_template`.
        model_name: Not needed: the picture is the same for every model.

    Returns:
        The picture; a list of them where the conversation holds several.

    Raises:
        PictureError: A file is missing, truncated, too large or no picture.
    """
    blocks = [
        block
        for message in conversation
        if not isinstance(message["content"], str)
        for block in message["content"]
        if block["type"] == "image"
    ]
    images = [load_picture(Picture(Path(block["image"]), block.get("transform"))) for block in blocks]
    return images[0] if len(images) == 1 else images
