"""What is said of a name that does not exist: the closest that do, or else all."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

SHOWN = 12
"""Names that are listed at most."""


def hint(name: str, known: Sequence[str] | Mapping[str, str], others: str = "") -> str:
    """A sentence that helps a person who mistyped a name.

    Args:
        name: What was asked for.
        known: The names that exist; or each way to write one -> how it is shown.
        others: What is added to the list of all.
    """
    spellings = known if isinstance(known, Mapping) else {one: one for one in known}
    close = difflib.get_close_matches(name, spellings, n=3)
    shown = list(dict.fromkeys(spellings[one] for one in close or spellings))
    listed = ", ".join(shown[:SHOWN]) + (", ..." if len(shown) > SHOWN else "")
    return f"Did you mean {listed}?" if close else f"There are: {listed}{others}."
