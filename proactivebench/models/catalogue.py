"""The models that are known by name: the paper's 22 (`paper:NAME`) and newer ones (`newer:NAME`), from `models.toml`.

An entry is a model's specification and the options that it is best played with. What it costs is reckoned, not
measured, by rules that stand here: a weight takes two bytes on a GPU and four on a CPU, a fifth more serves pictures
and the cache of keys and values; a request takes six milliseconds of an 80 GB GPU per billion weights, an estimate for
Qwen2.5-VL-7B in batches of 32; a hosted model takes two seconds, or 20 where it thinks, 64 requests at once.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from proactivebench.errors import UsageError
from proactivebench.models.request_form import thinks
from raw_sources.plugins import hint

FILE = Path(__file__).with_name("models.toml")

GIB = 2**30
GPU_BYTES, CPU_BYTES, WORKING_SHARE = 2, 4, 0.2
SECONDS_PER_BILLION = 0.006
HOSTED_SECONDS, THINKING_SECONDS, AT_ONCE = 2, 20, 64

RULE = (
    f"memory: {GPU_BYTES} bytes a weight and {WORKING_SHARE:.0%} more; time: {1000 * SECONDS_PER_BILLION:.0f} ms of an "
    f"80 GB GPU per request and billion weights, hosted models {HOSTED_SECONDS} s per request, or "
    f"{THINKING_SECONDS} where they think, {AT_ONCE} at once"
)
"""How memory and time are estimated."""


class Entry(BaseModel):
    """One model; see `models.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    paper: str | None = None
    family: str | None = None
    billions: float | None = None
    seen: tuple[Literal["transformers", "lmms-eval", "VLMEvalKit", "Hub"], ...] = ()
    options: Mapping[str, str | int] = {}
    needs: tuple[str, ...] = ()
    key: str | None = None
    note: str = ""

    def memory(self, bytes_per_weight: int = GPU_BYTES) -> float | None:
        """GiB that the model takes, estimated; None where it runs elsewhere."""
        return self.billions and self.billions * 1e9 * bytes_per_weight * (1 + WORKING_SHARE) / GIB

    def seconds(self, requests: float) -> float:
        """Time for this many requests, estimated."""
        if self.billions is not None:
            return requests * self.billions * SECONDS_PER_BILLION
        return requests * (THINKING_SECONDS if thinks(self.model.partition(":")[2]) else HOSTED_SECONDS) / AT_ONCE

    def missing(self) -> list[str]:
        """Modules that it needs and that are not installed."""
        return [name for name in self.needs if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of its parent
        return False


@cache
def catalogue() -> Mapping[str, Mapping[str, Entry]]:
    """Kind (`paper`, `newer`) -> name -> entry, in the order of the file."""
    kinds = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        kind: {name: Entry.model_validate(entry) for name, entry in entries.items()} for kind, entries in kinds.items()
    }


def entry(kind: str, name: str) -> Entry:
    """One entry.

    Raises:
        UsageError: There is none of that name.
    """
    known = catalogue()[kind]
    if name not in known:
        raise UsageError(f"There is no model {kind}:{name}. {hint(name, [*known])}")
    return known[name]


def with_options(found: Entry, options: Any) -> Any:
    """A user's `ModelOptions` with those of an entry where the user says nothing."""
    own: dict[str, Any] = {name: value for name, value in found.options.items() if getattr(options, name) is None}
    if "chat_template" in own:
        own["chat_template"] = FILE.with_name(own["chat_template"])
    if options.device is not None:
        own.pop("device_map", None)
    return replace(options, **own)


@dataclass(frozen=True)
class Machine:
    """What models could run on.

    Attributes:
        gpus: Memory of each GPU in GiB.
        memory: Main memory in GiB.
        keys: Environment variables that are set.
    """

    gpus: Sequence[float]
    memory: float
    keys: frozenset[str]

    @classmethod
    def here(cls) -> Machine:
        """This machine."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
        return cls(list(_gpus()), memory, frozenset(name for name, value in os.environ.items() if value))

    def runs(self, found: Entry) -> str:
        """Whether a model would run, in a few words: `yes`, or what is missing."""
        if missing := found.missing():
            return f"no: needs {', '.join(missing)}"
        if found.key is not None:
            return "yes" if found.key in self.keys else f"no: set {found.key}"
        on_gpu, on_cpu = found.memory() or 0, found.memory(CPU_BYTES) or 0
        room = sum(self.gpus) if "device_map" in found.options else max(self.gpus, default=0)
        if on_gpu <= room:
            return "yes"
        if not self.gpus and on_cpu <= self.memory:
            return "slowly, on the CPU"
        return f"no: needs {on_gpu:.0f} GiB of {'GPUs together' if 'device_map' in found.options else 'one GPU'}"


def _gpus() -> Iterator[float]:
    if find_spec("torch") is None:
        return
    import torch

    for number in range(torch.cuda.device_count()):
        yield torch.cuda.get_device_properties(number).total_memory / GIB
