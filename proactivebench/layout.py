"""The published layout: where the files of a benchmark lie, the contract of all four jobs.

```
test/<dataset>_preprocessed.jsonl    the samples of a scenario, one a line
test/<dataset>/...                   its frames, as the samples name them
test/<dataset>/00000.tar             instead of files, of a large build: the same frames in tars (`tars`)
test/<dataset>/frames.tsv            beside them: where in which tar each frame is
test/<dataset>.zip                   the same frames, packed for the Hub
data/train-*.parquet                 the training split
manifest.json                        of a benchmark built here: how it came about
manifest/<dataset>.jsonl             beside it: what became of every raw record, file by file
kept_ids.json                        the samples that survived its leak filter, if it has one
```
"""

from __future__ import annotations

TEST = "test"
"""Folder of the scenarios."""

DATA = "data"
"""Folder of the training split."""

TRAIN = "train"
"""Name of the training split, in the manifest and in the names of its files."""

TRAIN_FILES = f"{DATA}/{TRAIN}-*.parquet"
"""Paths of the training split's files below the benchmark's folder, as a pattern."""

MANIFEST = "manifest.json"

TABLES = "manifest"
"""Folder of what the manifest says record by record."""

KEPT_IDS = "kept_ids.json"

FRAME_INDEX = "frames.tsv"
"""Name of the file that says where the frames are, in the folder of those that lie in tars."""


def samples_name(dataset: str) -> str:
    """Name of the file of a scenario's samples, given the name of its data set."""
    return f"{dataset}_preprocessed.jsonl"


def samples_path(dataset: str) -> str:
    """Path of the file of a scenario's samples below the benchmark's folder."""
    return f"{TEST}/{samples_name(dataset)}"


def frames_folder(dataset: str) -> str:
    """Path of the folder of a scenario's frames below the benchmark's folder."""
    return f"{TEST}/{dataset}"


def tar_name(number: int) -> str:
    """Name of a tar, counted from 0, in the folder of a scenario's frames."""
    return f"{number:05}.tar"


def archive_path(dataset: str) -> str:
    """Path of the archive of a scenario's frames below the benchmark's folder."""
    return f"{TEST}/{dataset}.zip"


def table_path(dataset: str) -> str:
    """Path of the table of a scenario's records, or the train split's, below the benchmark's folder."""
    return f"{TABLES}/{dataset}.jsonl"
