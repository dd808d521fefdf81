"""What a notebook shows of our objects: a template for each kind, in which text from outside stays text."""

from __future__ import annotations

import base64
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from proactivebench.images import PictureError

if TYPE_CHECKING:
    from jinja2 import Environment

    from proactivebench.reports.pictures import Pictures


def as_html(kind: str, *values: Any) -> str | None:
    """An object in HTML that needs nothing from outside; None, so that notebooks show its text, without jinja2.

    Args:
        kind: Name of the macro in `cards.html` that draws it.
        values: The macro's arguments, in order.
    """
    if find_spec("jinja2") is None:
        return None
    cards: Any = _templates().get_template("cards.html").module
    return str(getattr(cards, kind)(*values))


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def source(name: str) -> str:
        return resources.files("proactivebench.api").joinpath(name).read_text(encoding="utf-8")

    templates = Environment(
        loader=FunctionLoader(source), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["cell"] = _cell
    return templates


def _cell(value: object) -> str:
    """A value in a table."""
    if value is None:
        return ""
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def data_uri(pictures: Pictures, name: str) -> str:
    """A small picture as an address that holds it; empty where it cannot be shown."""
    if not name:
        return ""
    try:
        return f"data:image/webp;base64,{base64.b64encode(pictures.draw(name)).decode()}"
    except PictureError:
        return ""
