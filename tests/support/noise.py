"""Pictures of noise that are the same in every run; Pillow's own generator cannot be seeded."""

from __future__ import annotations

import numpy as np
from PIL import Image


def noise(size: tuple[int, int], sigma: float = 90, seed: int = 0) -> Image.Image:
    """Grey normal noise around 128, mode L."""
    values = np.random.default_rng(seed).normal(128, sigma, (size[1], size[0]))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))
