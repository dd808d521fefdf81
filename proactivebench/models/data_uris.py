"""Conversations as OpenAI-compatible servers and vLLM take them, with pictures as data URIs: lossless, encoded once.

A file that a server will see just as `load_picture` does goes out byte for byte; everything else (a view, a smaller
copy, transparency, an orientation in the metadata) is encoded as PNG, so that all models are shown the same pixels.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from functools import partial
from threading import Condition

from cachetools import LRUCache, cached
from PIL import ExifTags, Image

from proactivebench.images import FORMATS, load_picture, read_stored
from proactivebench.models.base import Message, Picture

PLAIN_MODES = ("1", "L", "P", "RGB")
"""Pillow modes whose conversion to RGB leaves no choice, as long as nothing is transparent."""

KEPT_CHARACTERS = 128 << 20
"""Length of all data URIs that are kept for later turns and other episodes."""

FAST = 1
"""Compression level of PNG: fast, as a picture is sent once."""


def encode_picture(picture: Picture, max_pixels: int | None = None) -> str:
    """Encodes a picture.

    Args:
        picture: The file and the view of it.
        max_pixels: Pixels to which a larger view is scaled down; None leaves its size.

    Returns:
        `data:image/<format>;base64,<bytes>`, with exactly the pixels of `load_picture`.

    Raises:
        PictureError: The file cannot be shown.
        ChangedPictureError: It is not the file that it is said to be.
    """
    image = load_picture(picture, max_pixels)
    stored_bytes = read_stored(picture)
    with Image.open(io.BytesIO(stored_bytes), formats=FORMATS) as stored:
        if picture.view is None and stored.size == image.size and _is_plain(stored):
            kind, data = str(stored.format), stored_bytes
        else:
            buffer = io.BytesIO()
            image.save(buffer, "PNG", compress_level=FAST)
            kind, data = "PNG", buffer.getvalue()
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"


def _is_plain(stored: Image.Image) -> bool:
    """Whether any reader makes the same picture of a file."""
    return (
        stored.format in FORMATS
        and stored.mode in PLAIN_MODES
        and not stored.has_transparency_data
        and not getattr(stored, "is_animated", False)
        and _is_upright(stored)
    )


def _is_upright(stored: Image.Image) -> bool:
    try:
        return bool(stored.getexif().get(ExifTags.Base.Orientation, 1) == 1)
    except Exception:  # metadata that Pillow cannot read; others may read something into it
        return False


def shared_encoder(max_pixels: int | None = None) -> Callable[[Picture], str]:
    """`encode_picture` for many threads: each picture is encoded once and kept while there is room."""
    room: LRUCache[Picture, str] = LRUCache(KEPT_CHARACTERS, getsizeof=len)
    return cached(room, key=lambda picture: picture, condition=Condition())(
        partial(encode_picture, max_pixels=max_pixels)
    )


def chat_messages(messages: Iterable[Message], encode: Callable[[Picture], str]) -> list[dict[str, object]]:
    """A conversation in OpenAI's form; `encode` makes the data URI of a picture."""
    return [{"role": message.role, "content": _content(message, encode)} for message in messages]


def _content(message: Message, encode: Callable[[Picture], str]) -> object:
    if message.picture is None:
        return message.text
    picture = {"type": "image_url", "image_url": {"url": encode(message.picture)}}
    return [picture, {"type": "text", "text": message.text}]
