"""A plan on a Ray cluster of two nodes on this machine, of which one is lost on the way: make test-ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import content

pytest.importorskip("datatrove")
pytest.importorskip("ray", reason="needs Ray: make test-ray")

PLAN = """
executor = "ray"
folder = "launched"
options = {{ cpus_per_task = 1, mem_per_cpu_gb = 0.1 }}

[[stages]]
command = "build qd --raw {raw} --out data --per-category 3"
shards = 7

[[stages]]
command = "evaluate --data data --model scripted:ask --out run"
shards = 2
"""
PATIENCE = 500.0


def test_what_a_lost_node_leaves_is_done_by_the_other(
    tmp_path: Path, bundled_quickdraw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    there = {**os.environ, "RAY_ADDRESS": cluster.address}

    def ours(*words: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "proactivebench", *map(str, words)]
        return subprocess.Popen(
            command, cwd=tmp_path, env=there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    try:
        _, lost = (cluster.add_node(num_cpus=1, memory=2**30) for _ in range(2))
        plan = tmp_path / "plan.toml"
        plan.write_text(PLAN.format(raw=bundled_quickdraw))
        first = ours("launch", plan)
        markers, end = tmp_path / "launched" / "1" / "completions", time.monotonic() + PATIENCE
        while not any(markers.glob("*")) and first.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.2)
        cluster.remove_node(lost, allow_graceful=False)
        said = [first.communicate(timeout=PATIENCE)[0]]
        while "All tasks are done." not in said[-1]:
            assert len(said) < 4, said[-1]
            said.append(ours("launch", plan).communicate(timeout=PATIENCE)[0])
    finally:
        cluster.shutdown()
    for words in (
        ("build", "qd", "--raw", bundled_quickdraw, "--out", "whole", "--per-category", 3),
        ("evaluate", "--data", "whole", "--model", "scripted:ask", "--out", "alone"),
    ):
        done = ours(*words)
        assert done.wait(PATIENCE) == 0, done.communicate()
    assert content(tmp_path / "data") == content(tmp_path / "whole")
    found, expected = (json.loads((tmp_path / run / "metrics.json").read_text()) for run in ("run", "alone"))
    assert found == expected
