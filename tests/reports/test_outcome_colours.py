"""Outcomes have colours that people with any kind of colour vision tell apart, on the light and the dark page."""

from __future__ import annotations

import itertools
import re
from importlib import resources

import numpy as np
import pytest
from numpy.typing import NDArray

from proactivebench.reports.endings import Ending

STYLE = resources.files("proactivebench.reports").joinpath("assets", "page.css").read_text(encoding="utf-8")
THEMES = dict(zip(("light", "dark"), re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL), strict=True))
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
"""Kind of colour vision -> what it makes of linear RGB (Machado, Oliveira and Fernandes 2009)."""
NOTICEABLE = 12
"""Distance of two colours in CIELAB; about 2 can be told apart side by side."""


def seen(colour: str, vision: str) -> NDArray[np.float64]:
    """A colour #rrggbb in CIELAB, as it is seen, shape (3,)."""
    stored = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)
    linear = np.clip(VISION[vision] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (
        np.cbrt(value) if value > 0.008856 else 7.787 * value + 16 / 116
        for value in to_xyz @ linear / (0.9505, 1.0, 1.089)
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_outcomes_are_told_apart(theme: str, vision: str) -> None:
    values = dict(re.findall(r"--(\w+): (#\w{6})", THEMES[theme]))
    colours = {"the ground": values["ground"]}
    for ending in Ending:
        used = re.search(rf"\.e-{ending.replace(' ', '-')} {{ fill: var\(--(\w+)\)", STYLE)
        assert used is not None, f"{ending} has no colour"
        colours[ending] = values[used[1]]
    for one, other in itertools.combinations(colours, 2):
        distance = np.linalg.norm(seen(colours[one], vision) - seen(colours[other], vision))
        assert distance > NOTICEABLE, f"{one} and {other}: {distance:.1f}"
