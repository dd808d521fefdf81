"""Text from outside, made fit to be shown and kept: no key in it, and nothing that a terminal would obey.

Servers, files and people put words into our messages. A key or token among them, in whatever form, is cut out; control
characters, marks that turn the direction of writing, and halves of characters are spelled out instead of sent. In a
table for a spreadsheet nothing is a formula.
"""

from __future__ import annotations

import os
import re

HIDDEN = "***"

SHORTEST_KEY = 8
"""Characters from which the value of a variable that is named like a key counts as one."""

_KEY_VARIABLE = re.compile(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
_NAMED = r"[\w.-]*(?:token|api[_-]?key|secret|passw(?:or)?d|signature|credentials?)"
_FORMS = (
    re.compile(r"\b(?:hf_|sk-|rk-|gsk_|xai-|gh[opsu]_|github_pat_|glpat-|xox[abps]-|AKIA|AIza)[\w-]{6,}()"),
    re.compile(r"(\bbearer\s+)(?!\*)[^\s\"',;<>]+", re.IGNORECASE),
    re.compile(r"(\bauthorization[\"']?\s*[:=]\s*[\"']?)(?:\w+\s+)?[^\s\"',;<>]+", re.IGNORECASE),
    re.compile(r"(://)[^/\s@\"'<>]+(?=@)"),
    re.compile(rf"([?&]{_NAMED}=)[^&#\s\"'<>]+", re.IGNORECASE),
    re.compile(rf"([\"']?\b{_NAMED}[\"']?\s*[:=]\s*[\"'])[^\"']+", re.IGNORECASE),
)
"""What a key looks like, with what stays of it in group 1."""


_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "|", "%")
"""How a formula begins in a spreadsheet, the wide forms included."""


def without_keys(text: str) -> str:
    """A text with every key and token cut out: those of the environment, and whatever has the form of one."""
    for name, value in os.environ.items():
        if len(value) >= SHORTEST_KEY and not value.startswith("/") and _KEY_VARIABLE.search(name):
            text = text.replace(value, HIDDEN)
    for form in _FORMS:
        text = form.sub(lambda found: f"{found[1]}{HIDDEN}", text)
    return text


def as_text(text: str) -> str:
    """A text whose every character a terminal prints: all others are spelled out, but for ends of lines and tabs."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t\xa0" else _spelled(one) for one in text)


def as_cell(text: str) -> str:
    """A cell of a CSV file that no spreadsheet computes: what begins like a formula gets an apostrophe in front."""
    return f"'{text}" if text.strip().startswith(_FORMULA) else text


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()
