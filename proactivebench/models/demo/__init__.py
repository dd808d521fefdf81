"""`demo:` models: two checkpoints of 1.3 million weights that come with the toolkit and play Quick, Draw! on any CPU.

`experiments/learn_to_ask` made them. They exist to be looked at: the first names what it sees, finished or not; the
second is the first after GRPO with the toolkit's trainer, and asks for more where it is not sure. They know no other
scenario. Their folders are ordinary checkpoints of transformers in half precision.
"""

from __future__ import annotations

from pathlib import Path

from proactivebench.errors import UsageError
from raw_sources.plugins import hint

DEMO = {f"demo:{name}": Path(__file__).parent / name for name in ("guesser", "asker")}
"""Name -> folder."""


def require_demo(name: str) -> None:
    """Refuses a name that begins with `demo:` and is not one of `DEMO`; all others pass.

    Raises:
        UsageError: There is no such model.
    """
    if name.startswith("demo:") and name not in DEMO:
        raise UsageError(f"There is no model {name!r}. {hint(name, [*DEMO])}")
