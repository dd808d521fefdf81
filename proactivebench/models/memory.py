"""How much of a device's memory a batch takes, measured while it is answered."""

from __future__ import annotations

from typing import Protocol

import torch


class Memory(Protocol):
    """The memory of a device."""

    def begin(self) -> None:
        """Notes what is free before a batch, and forgets what others took at their peaks."""

    def used(self) -> float:
        """Share of what was free that the batch has used at its peak, 0 to 1."""


class GpuMemory:
    """The memory of one GPU, as torch's allocator sees it."""

    def __init__(self, device: torch.device):
        self._device = device

    def begin(self) -> None:
        torch.cuda.reset_peak_memory_stats(self._device)
        self._before = torch.cuda.memory_allocated(self._device)
        outside, _ = torch.cuda.mem_get_info(self._device)
        self._free = outside + torch.cuda.memory_reserved(self._device) - self._before

    def used(self) -> float:
        return (torch.cuda.max_memory_allocated(self._device) - self._before) / max(1, self._free)


def memory_of(device: torch.device) -> Memory | None:
    """The memory of a device; None where it is that of the machine, which others use too."""
    return GpuMemory(device) if device.type == "cuda" else None
