"""Rows from the Hub: a process of its own, as the Hub's address is read when its library is imported."""

from __future__ import annotations

import sys
from pathlib import Path

from proactivebench.benchmark import Benchmark
from tests.support.hub_store import Blob, Repo
from tests.support.local_hub import serve
from tests.support.processes import run
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import tiny_model
from tests.support.train_rows import single_turns, write_rows

READ = """
import sys
from pathlib import Path
from proactivebench.models.processors import load_processor
from proactivebench.training.data import PromptLimit, TrainFiles, load_rows
files = TrainFiles.find(sys.argv[1])
rows = load_rows(files, PromptLimit(load_processor(Path(sys.argv[2])), 4096), stream=True)
print(files.fingerprint, files.rows, len([row["images"][0]["bytes"] for row in rows]))
"""


def test_rows_are_streamed_from_the_hub_at_one_commit(tmp_path: Path) -> None:
    rows = list(single_turns(Benchmark.open(build_small(tmp_path / "benchmark"))))
    file = next(write_rows(rows, tmp_path / "rows").rglob("*.parquet"))
    model = tiny_model("llava", tmp_path / "model")
    with serve() as hub:
        hub.repos["ann/asks"] = Repo("ann/asks")
        hub.repos["ann/asks"].commit("publish", {f"data/{file.name}": Blob(file.read_bytes(), large=True)})
        variables = {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_DATASETS_CACHE": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": None,
        }
        read = run([sys.executable, "-c", READ, "hub:ann/asks", model], variables=variables)
        commit = hub.repos["ann/asks"].commits[-1][0]
    assert read.stdout.split() == [f"ann/asks@{commit}", str(len(rows)), str(len(rows))], read.stderr
