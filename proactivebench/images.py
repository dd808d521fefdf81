"""From a stored picture to the one that a model sees.

Pictures come from archives that others made, so a file is trusted with nothing: only the formats of the benchmark are
decoded (Pillow would hand others to external programs), the size is looked at before the pixels are, and whatever goes
wrong ends in a `PictureError` that names the file. As in the published package a picture is shown as its pixels are
stored: an orientation in its metadata does not turn it, transparency is dropped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from math import sqrt
from pathlib import Path

from PIL import Image

from proactivebench.errors import ProactiveBenchError, ReplyError
from proactivebench.frame_bytes import find_frame
from proactivebench.views import View

FORMATS = ("JPEG", "PNG", "WEBP")
"""Formats that are decoded, by Pillow's names."""

MAX_PIXELS = 80_000_000
"""Pixels of the largest stored picture that is decoded; below the number at which Pillow warns."""

MAX_BYTES = 512 << 20
"""Bytes of the largest stored picture that is read: more than twice what that many pixels take in RGB."""


class PictureError(ReplyError):
    """A picture that cannot be read, or that the model's processor refuses."""

    kind = "picture"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is not loaded yet.

    Attributes:
        path: The stored file, or where it would be if it did not lie in a tar (`frame_bytes`).
        view: What to do with it after loading; None shows it as it is.
        sha256: SHA-256 that the stored file must have, in hex; None takes any.
    """

    path: Path
    view: View | None = None
    sha256: str | None = None


class ChangedPictureError(ProactiveBenchError):
    """A stored picture is another one than when the run began: nothing that follows would be one run."""


def read_stored(picture: Picture) -> bytes:
    """The bytes of a stored picture.

    Raises:
        OSError: The file cannot be read.
        UsageError: The tar that holds it is damaged.
        PictureError: It is larger than any picture that is decoded.
        ChangedPictureError: It is not the file that it is said to be.
    """
    found = find_frame(picture.path)
    if found.size > MAX_BYTES:
        raise PictureError(f"{picture.path}: more than {MAX_BYTES:,} bytes. Store a smaller copy.")
    stored = found.read()
    if picture.sha256 is not None and hashlib.sha256(stored).hexdigest() != picture.sha256:
        raise ChangedPictureError(
            f"{picture.path} was changed since the run began, so it stops here. What was played before is kept: put "
            "the old picture back and repeat the command, or play the new data into another folder."
        )
    return stored


def load_picture(picture: Picture, max_pixels: int | None = None) -> Image.Image:
    """Loads a picture and applies its view.

    Args:
        picture: The file and the view of it.
        max_pixels: Pixels (width times height) to which a larger view is scaled down, sides in proportion; None
            leaves its size.

    Returns:
        The picture in mode RGB.

    Raises:
        PictureError: The file is missing, damaged, too large or no picture, or the view leaves nothing of it.
        UsageError: The tar that holds it is damaged.
        ChangedPictureError: It is not the file that it is said to be.
    """
    try:
        with Image.open(BytesIO(read_stored(picture)), formats=FORMATS) as stored:
            if stored.width * stored.height > MAX_PIXELS:
                raise PictureError(
                    f"{picture.path}: {stored.width} x {stored.height} pixels are more than the {MAX_PIXELS:,} "
                    "that are decoded. Store a smaller copy."
                )
            image = stored.convert("RGB")
    except FileNotFoundError:
        raise PictureError(f"{picture.path}: there is no such file. Is the benchmark unpacked completely?") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise PictureError(
            f"{picture.path}: not readable as {', '.join(FORMATS[:-1])} or {FORMATS[-1]} ({error})."
        ) from error
    if picture.view is not None:
        try:
            image = picture.view(image)
        except (ValueError, OverflowError, MemoryError, Image.DecompressionBombError) as error:
            raise PictureError(f"{picture.path}: {picture.view} cannot be shown ({error}).") from error
    if 0 in image.size:
        raise PictureError(f"{picture.path}: {picture.view} leaves nothing of the picture.")
    return image if max_pixels is None else _scaled_down(image, max_pixels)


def _scaled_down(image: Image.Image, max_pixels: int) -> Image.Image:
    scale = sqrt(max_pixels / (image.width * image.height))
    if scale >= 1:
        return image
    return image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))), Image.Resampling.BICUBIC)
