"""Who answered in a run: what the model is called, and whether two runs asked the same one.

A model identifies itself by all that decides its replies. Other weights make it another model: a revision, an adapter,
fewer bits. How it was run (data type, attention, length of replies) does not, and is compared nowhere here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WEIGHTS = ("model", "revision", "adapter", "adapter_revision", "quantization")


def called(model: Mapping[str, Any]) -> str:
    """Its name, with the adapter on top of it and the bits that it was cut to, such as `org/model with out, 4 bits`.

    Args:
        model: As it identifies itself.
    """
    name = str(model.get("model", "unknown"))
    if adapter := model.get("adapter"):
        name += f" with {adapter}"
    return ", ".join([name, *filter(None, [model.get("quantization")])])


def weights(model: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must be the same in two runs for them to be of the same model.

    Args:
        model: As it identifies itself.
    """
    return tuple(model.get(name) for name in _WEIGHTS)
