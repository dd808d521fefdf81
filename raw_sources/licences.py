"""Which licences of single pictures allow to pass them on, also scaled down or cut."""

from __future__ import annotations

import re

_FREE = re.compile(
    r"CC0.*|CC BY(-SA)?( \d\.\d)?|Attribution(-ShareAlike)? License|No known copyright restrictions"
    r"|United States Government Work",
    re.IGNORECASE,
)


def is_free(licence: str) -> bool:
    """Whether a file may be passed on under its licence, or under each of several, separated by commas."""
    return all(map(_FREE.fullmatch, licence.split(", ")))
