"""Made-up photographs in the layout of `source`, for trying the scenario and for its test: `python fake.py RAW`."""

from __future__ import annotations

import sys
from pathlib import Path

from raw_sources.fakes.pictures import draw_thing, room

THINGS = ("banana", "orange", "cup", "baseball", "cowboy hat", "vase")
WALLS = ((178, 205, 170), (235, 228, 222), (196, 196, 214))


def make_photos(raw: Path) -> Path:
    """Draws two photographs of each thing, another one to train on, and returns the raw folder."""
    for thing in THINGS:
        for number, wall in enumerate(WALLS):
            folder = raw / ("photos" if number < 2 else "photos_to_train") / thing.replace(" ", "_")
            folder.mkdir(parents=True, exist_ok=True)
            canvas = room((256, 256), wall)
            draw_thing(canvas, thing, (0.25, 0.3, 0.75, 0.8))
            canvas.finish(number).save(folder / f"{number}.jpg", quality=88)
    return raw


if __name__ == "__main__":
    make_photos(Path(sys.argv[1]))
