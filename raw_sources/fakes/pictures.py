"""Drawn pictures for made-up raw data: simple, but a person sees what they show.

Everything is drawn at twice its size and scaled down, so that edges are smooth. The same arguments give the same
pixels.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

Size = tuple[int, int]
Box = tuple[float, float, float, float]
Color = tuple[int, int, int]

WOOD, LEAF, SKIN = (121, 85, 72), (67, 130, 60), (224, 172, 134)
_SCALE = 2


class Canvas:
    """A picture in fractions of its width and height."""

    def __init__(self, size: Size, background: Color) -> None:
        self.size = size
        self._image = Image.new("RGB", (size[0] * _SCALE, size[1] * _SCALE), background)
        self._draw = ImageDraw.Draw(self._image)

    def inside(self, box: Box) -> Callable[..., list[tuple[float, float]]]:
        """Turns x, y, x, y, ... in fractions of a box into points of the picture."""
        width, height = self._image.size

        def points(*numbers: float) -> list[tuple[float, float]]:
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            left, top, right, bottom = box
            return [((left + x * (right - left)) * width, (top + y * (bottom - top)) * height) for x, y in pairs]

        return points

    def shape(self, kind: str, points: list[tuple[float, float]], **options: object) -> None:
        getattr(self._draw, kind)(points, **options)

    def text(self, point: tuple[float, float], text: str, height: float, fill: Color) -> None:
        """Writes text around a point, `height` as a fraction of the picture's."""
        position = (point[0] * self._image.width, point[1] * self._image.height)
        self._draw.text(position, text, fill=fill, font_size=height * self._image.height, anchor="mm", align="center")

    def finish(self, seed: int | None = None) -> Image.Image:
        """The picture in its size; with a seed it gets a little grain, as photos have it."""
        image = self._image.resize(self.size, Image.Resampling.BOX)
        if seed is None:
            return image
        pixels = np.asarray(image, np.float32)
        grain = np.random.default_rng(seed).normal(0, 3, pixels.shape[:2])[..., None]
        return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def room(size: Size, wall: Color = (200, 205, 190), table: Color = (170, 130, 95)) -> Canvas:
    """A wall and a table."""
    canvas = Canvas(size, wall)
    canvas.shape("rectangle", canvas.inside((0, 0.62, 1, 1))(0, 0, 1, 1), fill=table)
    canvas.shape("line", canvas.inside((0, 0.62, 1, 1))(0, 0, 1, 0), fill=(90, 70, 50), width=4)
    return canvas


def draw_thing(canvas: Canvas, name: str, box: Box) -> None:
    """Draws one of `THINGS` so that it fills the box."""
    THINGS[name](canvas, canvas.inside(box))


Points = Callable[..., list[tuple[float, float]]]


def _banana(canvas: Canvas, at: Points) -> None:
    outline = (0, 0.25, 0.08, 0.6, 0.35, 0.95, 0.65, 1, 0.92, 0.75, 1, 0.1, 0.93, 0, 0.8, 0.45, 0.55, 0.65, 0.3, 0.55)
    canvas.shape("polygon", at(*outline, 0.1, 0.2), fill=(247, 208, 52), outline=(150, 115, 20), width=3)
    canvas.shape("polygon", at(0.93, 0, 1, 0.1, 0.97, 0.2, 0.9, 0.12), fill=WOOD)
    canvas.shape("ellipse", at(0, 0.18, 0.1, 0.34), fill=WOOD)


def _orange(canvas: Canvas, at: Points) -> None:
    canvas.shape("ellipse", at(0, 0, 1, 1), fill=(240, 140, 30), outline=(180, 95, 15), width=3)
    canvas.shape("ellipse", at(0.2, 0.15, 0.4, 0.3), fill=(250, 180, 90))
    canvas.shape("polygon", at(0.5, 0.1, 0.62, 0, 0.8, 0.06, 0.65, 0.16), fill=LEAF)


def _cup(canvas: Canvas, at: Points) -> None:
    canvas.shape("ellipse", at(0.55, 0.2, 1, 0.75), outline=(40, 90, 160), width=12)
    canvas.shape("polygon", at(0, 0.08, 0.8, 0.08, 0.7, 1, 0.1, 1), fill=(60, 120, 200))
    canvas.shape("ellipse", at(0, 0, 0.8, 0.18), fill=(90, 60, 40), outline=(40, 90, 160), width=4)


def _baseball(canvas: Canvas, at: Points) -> None:
    canvas.shape("ellipse", at(0, 0, 1, 1), fill=(245, 243, 235), outline=(150, 150, 140), width=3)
    canvas.shape("arc", at(-0.75, 0.05, 0.3, 0.95), start=-60, end=60, fill=(200, 40, 40), width=5)
    canvas.shape("arc", at(0.7, 0.05, 1.75, 0.95), start=120, end=240, fill=(200, 40, 40), width=5)


def _hat(canvas: Canvas, at: Points) -> None:
    canvas.shape("polygon", at(0.25, 0.75, 0.3, 0.1, 0.45, 0, 0.5, 0.1, 0.55, 0, 0.7, 0.1, 0.75, 0.75), fill=WOOD)
    canvas.shape("rectangle", at(0.26, 0.6, 0.74, 0.72), fill=(60, 40, 30))
    canvas.shape("chord", at(0, 0.3, 1, 1), start=0, end=180, fill=(105, 72, 60))


def _vase(canvas: Canvas, at: Points) -> None:
    canvas.shape("polygon", at(0.3, 0, 0.7, 0, 0.62, 0.3, 0.38, 0.3), fill=(110, 60, 140))
    canvas.shape("ellipse", at(0, 0.22, 1, 1), fill=(130, 75, 165), outline=(80, 40, 110), width=3)
    canvas.shape("arc", at(0.05, 0.4, 0.95, 0.75), start=10, end=170, fill=(230, 200, 80), width=6)


THINGS: dict[str, Callable[[Canvas, Points], None]] = {
    "banana": _banana,
    "orange": _orange,
    "cup": _cup,
    "baseball": _baseball,
    "cowboy hat": _hat,
    "vase": _vase,
}


def occluder(canvas: Canvas, words: str, box: Box) -> None:
    """Draws `red blocks` (a stack), `blue cardboard` (one square) and so on."""
    color = (185, 45, 40) if words.startswith("red") else (45, 80, 175)
    at = canvas.inside(box)
    canvas.shape("rectangle", at(0, 0, 1, 1), fill=color, outline=(25, 25, 30), width=3)
    if words.endswith("blocks"):
        for row in range(1, 5):
            canvas.shape("line", at(0, row / 5, 1, row / 5), fill=(25, 25, 30), width=3)


def person(canvas: Canvas, x: float, shirt: Color, speaks: bool) -> Box:
    """Draws a standing person around `x`; returns the box."""
    box = (x - 0.07, 0.22, x + 0.07, 0.95)
    at = canvas.inside(box)
    canvas.shape("rectangle", at(0.2, 0.6, 0.8, 1), fill=(50, 55, 75))
    canvas.shape("rounded_rectangle", at(0, 0.27, 1, 0.68), radius=12, fill=shirt)
    canvas.shape("ellipse", at(0.2, 0, 0.8, 0.27), fill=SKIN)
    canvas.shape("ellipse", at(0.38, 0.15, 0.62, 0.24 if speaks else 0.17), fill=(120, 40, 40))
    if speaks:
        canvas.shape("rounded_rectangle", at(0.5, -0.27, 1.7, -0.04), radius=14, fill=(255, 255, 255))
        canvas.shape("line", at(0.7, -0.15, 1.5, -0.15), fill=(60, 60, 60), width=6)
    return box


def carton(size: Size, color: Color, label: str, front: bool, turn: float) -> Image.Image:
    """A product's carton: its front says which product it is, its other sides do not. `turn` shifts the view."""
    canvas = Canvas(size, (235, 235, 235))
    at = canvas.inside((0.26 + 0.06 * turn, 0.12, 0.74 + 0.06 * turn, 0.92))
    canvas.shape("rectangle", at(0, 0, 1, 1), fill=(215, 190, 140), outline=(110, 90, 60), width=3)
    canvas.shape("rectangle", at(0, 0, 1, 0.14), fill=(60, 110, 80))
    if front:
        canvas.shape("ellipse", at(0.15, 0.5, 0.85, 0.95), fill=color)
        canvas.text((0.5 + 0.06 * turn, 0.38), label.replace(" ", "\n"), 0.075, (40, 30, 20))
    else:
        for bar in range(9):
            start = 0.2 + bar * 0.065
            canvas.shape("rectangle", at(start, 0.7, start + 0.02 + 0.015 * (bar % 3), 0.9), fill=(30, 30, 30))
    return canvas.finish()


def corrupt(image: Image.Image, corruption: str, severity: int, seed: int) -> Image.Image:
    """A plain stand-in for ImageNet-C's corruption of that name, `severity` 1 to 5."""
    rng = np.random.default_rng(seed)
    pixels = np.asarray(image, np.float32)
    if "noise" in corruption:
        return Image.fromarray(np.clip(pixels + rng.normal(0, 16 * severity, pixels.shape), 0, 255).astype(np.uint8))
    if "blur" in corruption:
        return image.filter(ImageFilter.GaussianBlur(1.2 * severity))
    if corruption in ("snow", "frost", "fog"):
        return Image.blend(image, Image.new("RGB", image.size, (235, 238, 245)), 0.15 * severity)
    if corruption in ("brightness", "saturate"):
        change = ImageEnhance.Brightness if corruption == "brightness" else ImageEnhance.Color
        return change(image).enhance(1 + 0.5 * severity)
    if corruption == "contrast":
        return ImageEnhance.Contrast(image).enhance(0.6 / severity)
    if corruption == "pixelate":
        return image.resize((84 // severity,) * 2, Image.Resampling.BOX).resize(image.size, Image.Resampling.NEAREST)
    if corruption == "jpeg_compression":
        image.save(buffer := io.BytesIO(), "JPEG", quality=(25, 15, 10, 6, 3)[severity - 1])
        return Image.open(buffer).convert("RGB")
    if corruption == "elastic_transform":
        rows, columns = np.indices(pixels.shape[:2])
        shift = 4 * severity * np.sin(rows / 9 + columns / 23 + seed)
        return Image.fromarray(np.asarray(image)[rows, np.clip(columns + shift, 0, pixels.shape[1] - 1).astype(int)])
    drops = Image.new("L", image.size)  # spatter
    for x, y, radius in rng.uniform((0, 0, 4), (224, 224, 14), (14 * severity, 3)):
        ImageDraw.Draw(drops).ellipse((x - radius, y - radius, x + radius, y + radius), fill=200)
    return Image.composite(Image.new("RGB", image.size, (95, 75, 50)), image, drops)


def change(name: str, stage: float | None, second: float) -> Image.Image:
    """A frame of a video in which an apple is cut, butter melts, a candle is lit or beer is poured.

    Args:
        name: `apple`, `butter`, `candle` or `beer`.
        stage: How far the change has come, 0 to 1; None before the thing is shown (a cook introduces himself).
        second: Time in the video, moves the picture a little.
    """
    canvas = room((320, 180), wall=(222, 214, 200))
    sway = 0.01 * np.sin(2.1 * second)
    if stage is None:
        person(canvas, 0.5 + sway, (150, 60, 60), speaks=second % 2 < 1)
        return canvas.finish(round(second * 10))
    _CHANGES[name](canvas, canvas.inside((0.36 + sway, 0.3, 0.64 + sway, 0.86)), stage)
    if 0 < stage < 1:  # the hand at work
        canvas.shape("ellipse", canvas.inside((0.6, 0.2, 0.8, 0.5))(0, stage / 2, 1, 0.5 + stage / 2), fill=SKIN)
    return canvas.finish(round(second * 10))


def _apple(canvas: Canvas, at: Points, stage: float) -> None:
    gap = 0.25 * stage
    canvas.shape("pieslice", at(-gap, 0, 1 - gap, 1), start=90, end=270, fill=(200, 40, 45))
    canvas.shape("pieslice", at(gap, 0, 1 + gap, 1), start=270, end=450, fill=(200, 40, 45))
    if stage:
        canvas.shape("ellipse", at(0.35 - gap, 0.03, 0.65 - gap, 0.97), fill=(250, 240, 200))
        canvas.shape("ellipse", at(0.35 + gap, 0.03, 0.65 + gap, 0.97), fill=(250, 240, 200))
    else:
        canvas.shape("line", at(0.5, 0.08, 0.56, -0.15), fill=WOOD, width=6)


def _butter(canvas: Canvas, at: Points, stage: float) -> None:
    canvas.shape("ellipse", at(-0.9, 0.35, 1.9, 1.25), fill=(50, 50, 55))
    canvas.shape("ellipse", at(0.4 - stage, 0.8 - 0.3 * stage, 0.6 + stage, 0.85 + 0.3 * stage), fill=(245, 215, 90))
    if stage < 1:
        side = 0.4 * (1 - stage)
        canvas.shape("rectangle", at(0.5 - side, 0.85 - side, 0.5 + side, 0.85), fill=(250, 230, 130))


def _candle(canvas: Canvas, at: Points, stage: float) -> None:
    canvas.shape("rectangle", at(0.35, 0.3, 0.65, 1), fill=(245, 240, 225), outline=(170, 160, 140), width=3)
    canvas.shape("line", at(0.5, 0.3, 0.5, 0.18), fill=(40, 40, 40), width=4)
    if stage > 0.3:
        canvas.shape("ellipse", at(0.4, -0.2, 0.6, 0.2), fill=(255, 180, 40))


def _beer(canvas: Canvas, at: Points, stage: float) -> None:
    if stage:
        top = 0.95 - 0.75 * stage
        canvas.shape("rectangle", at(0.22, top, 0.78, 0.97), fill=(225, 165, 40))
        canvas.shape("rectangle", at(0.22, top - 0.12, 0.78, top), fill=(250, 248, 240))
    canvas.shape("rectangle", at(0.2, 0, 0.8, 1), outline=(120, 140, 150), width=6)


_CHANGES = {"apple": _apple, "butter": _butter, "candle": _candle, "beer": _beer}


def litter(folder: Path, name: str) -> None:
    """What a Mac leaves in an archive."""
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / name).write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")
