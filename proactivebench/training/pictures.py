"""Pictures of a training step are decoded and prepared once each, in several threads.

A step asks about every picture several times: each of its answers is generated for it, and learned from, separately.
TRL hands the picture to the model's processor each time anew, in the main thread; at 640 x 480 pixels and the paper's
512 answers a step the GPU would wait for 1,024 preparations of 64 pictures. Here rows with the same picture share one
object, and what the processor makes of an object is kept until rows for a later step are collected. What the model gets
is the same to the bit.
"""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from PIL import Image, ImageOps
from transformers import BatchFeature

from proactivebench.images import FORMATS
from proactivebench.models.processors import Processor, join

Row = dict[str, Any]


class PicturesOnce:
    """Collects the rows of a step, and prepares their pictures.

    Args:
        processor: The model's processor; it stays as it is.

    Attributes:
        processor: One that does the same, and prepares no picture object twice within a step.
    """

    def __init__(self, processor: Processor):
        kind: Any = type(processor.image_processor)

        class Once(kind):  # type: ignore[misc]  # a class known at run time only
            def __call__(preparer, images: Any, **settings: Any) -> BatchFeature:  # noqa: N805  # `self` is the outer
                return self._prepare(super().__call__, images, settings)

        Once.__name__ = kind.__name__  # it is written into the saved configuration
        self.processor = copy.copy(processor)
        self.processor.image_processor = copy.copy(processor.image_processor)
        self.processor.image_processor.__class__ = Once
        self._decoded: dict[bytes, Image.Image] = {}
        self._prepared: dict[Any, tuple[Any, BatchFeature]] = {}  # with its pictures, so that their ids stay theirs
        self._threads = ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="pictures")

    def collect(self, rows: Sequence[Row]) -> list[Row]:
        """The rows of a step, in which stored pictures (`bytes`) are decoded as RGB, equal ones as one object.

        TRL collects the same rows once for each backward pass that shares their answers.
        """
        stored = dict.fromkeys(picture["bytes"] for row in rows for picture in row["images"])
        if stored.keys() != self._decoded.keys():
            self._decoded = dict(zip(stored, self._threads.map(_decode, stored), strict=True))
            self._prepared.clear()
        return [row | {"images": [self._decoded[picture["bytes"]] for picture in row["images"]]} for row in rows]

    def _prepare(self, prepare: Any, images: Any, settings: dict[str, Any]) -> BatchFeature:
        settings = settings | {"return_tensors": "pt"}
        chosen = repr(sorted(settings.items()))
        keys = [(chosen, *map(id, shown)) for shown in images]
        new = {key: shown for key, shown in zip(keys, images, strict=True) if key not in self._prepared}
        done = self._threads.map(lambda shown: prepare([shown], **settings), new.values())
        self._prepared |= {key: (shown, made) for (key, shown), made in zip(new.items(), done, strict=True)}
        rows = [self._prepared[key][1] for key in keys]
        return BatchFeature({name: _joined([row[name] for row in rows]) for name in rows[0]})


def _joined(values: list[Any]) -> Any:
    return join(values) if isinstance(values[0], torch.Tensor) else [entry for value in values for entry in value]


def _decode(stored: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(stored), formats=FORMATS)).convert("RGB")
