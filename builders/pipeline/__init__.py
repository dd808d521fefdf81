"""Runs builders: workers, storage, and journals that let an interrupted build continue."""
