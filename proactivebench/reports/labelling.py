"""Labels by a person, in the browser: the page that scrubs through a video and fills in a row of a table.

What is labelled, and what a row must hold, its builder knows (`Desk`); here are the page and its requests.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from proactivebench.desk import Desk
from proactivebench.errors import ProactiveBenchError
from proactivebench.reports.page import render
from proactivebench.reports.server import NOT_FOUND, Response, Site
from proactivebench.work.files import parse_json


class LabelSite(Site):
    """`rows` says what there is, `frame/<row>-<frame>` shows it, and `save` takes what was filled in.

    Args:
        desk: What is labelled.
        title: Heading of the page.
    """

    def __init__(self, desk: Desk, title: str):
        self._desk = desk
        self._page = render("label.html", ["label.js"], title=title).encode()

    def get(self, path: str) -> Response:
        if path == "":
            return Response(self._page, "text/html; charset=utf-8")
        if path == "rows":
            return _as_json(self._desk.describe())
        row, dash, frame = path.removeprefix("frame/").partition("-")
        if not (path.startswith("frame/") and dash and row.isdecimal() and frame.isdecimal()):
            return NOT_FOUND
        picture = self._desk.frame(int(row[:9]), int(frame[:9]))
        return NOT_FOUND if picture is None else Response(picture, "image/jpeg")

    def post(self, path: str, body: bytes) -> Response:
        if path != "save":
            return NOT_FOUND
        try:
            given = parse_json(body)
            return _as_json(self._desk.save(int(given["row"]), dict(given["filled"])))
        except (ValueError, KeyError, TypeError):
            return Response(b"{}", "application/json", HTTPStatus.CONFLICT)
        except (OSError, ProactiveBenchError) as error:
            return Response(f"{error}\n".encode(), NOT_FOUND.kind, HTTPStatus.INTERNAL_SERVER_ERROR)


def _as_json(value: Any) -> Response:
    return Response(json.dumps(value, ensure_ascii=False).encode(), "application/json")
