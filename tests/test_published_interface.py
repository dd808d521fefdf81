"""The published interface on a benchmark on disk: samples, pictures and where both are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from proactivebench.data_utils import apply_conversation_template, load_image, load_proactivebench_dataset
from proactivebench.environment import get_environment
from tests.small_benchmark import build_small


@pytest.mark.parametrize("place", [".", "test"])
def test_a_benchmark_is_found_by_its_folder_or_by_that_of_its_frames(tmp_path: Path, place: str) -> None:
    data = str(build_small(tmp_path) / place)
    entry = load_proactivebench_dataset(data, "QuickDraw")[0]
    state = get_environment("QuickDraw")(entry, data).get_state()
    picture = load_image(apply_conversation_template(state["prompt"], state["image_path"], state["transform"]))
    assert isinstance(picture, Image.Image)
    assert picture.size == (256, 256)
    assert Path(state["image_path"]).is_relative_to(tmp_path / "test" / "QuickDraw")


def test_frames_beside_a_folder_test_of_something_else(tmp_path: Path) -> None:
    frames = build_small(tmp_path / "built") / "test"
    (frames / "test").mkdir()
    entry = load_proactivebench_dataset(str(frames), "QuickDraw")[0]
    state = get_environment("QuickDraw")(entry, str(frames)).get_state()
    assert Path(state["image_path"]).is_file()
