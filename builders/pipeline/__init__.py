"""Runs builders: workers, storage, journals that let an interrupted build continue."""

from builders.pipeline.build import build

__all__ = ["build"]
