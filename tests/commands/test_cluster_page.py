"""docs/cluster.md works as it stands: its job files in bash with the variables of an array, its plan in a dry run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from commands.launch_plan import read_plan
from tests.support.builds import content
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
SMALLER = {"--per-category 14": "--per-category 1", "1-7": "1-3", "raw_sources/bundled": f"{ROOT}/raw_sources/bundled"}


def call(*words: str) -> str:
    done = CliRunner().invoke(main, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def submit(name: str) -> list[str]:
    """Runs the tasks of a job file like an array; bash fills in what they call, and this process does it."""
    text = FILES[name]
    for word, smaller in SMALLER.items():
        text = text.replace(word, smaller)
    found = re.search(r"^#SBATCH --array=1-(\d+)$", text, re.MULTILINE)
    assert found
    said = "proactivebench() { printf '%s\\0' \"$@\"; }\n" + text
    for task in range(1, int(found[1]) + 1):
        there = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": found[1], "PATH": "/usr/bin:/bin"}
        done = subprocess.run(["bash", "-c", said], env=there, capture_output=True, text=True, check=True)
        words = done.stdout.rstrip("\0").split("\0")
        call(*words)
    return words


def test_the_slurm_example_runs_from_the_page_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = re.search(r"^```bash\n(sbatch .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert commands
    done = {}
    for line in commands[1].splitlines():
        words = shlex.split(line)
        if words[0] == "sbatch":
            *done[words[-1]], _, _ = submit(words[-1])  # without --shard k/n
        else:
            call(*words[1:])
    call(*(word.replace("drawings", "whole") for word in done["build.sbatch"]))
    assert content(tmp_path / "drawings") == content(tmp_path / "whole")
    call(*(word.replace("runs/random", "alone") for word in done["evaluate.sbatch"]))
    for name in ("run.json", "metrics.json"):
        found, expected = (json.loads((tmp_path / run / name).read_text()) for run in ("runs/random", "alone"))
        assert found == expected


def test_the_plan_is_one(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(FILES["plan.toml"])
    steps = read_plan(tmp_path / "plan.toml").steps()
    assert {name: len(tasks) for name, tasks in steps.items()} == {"1": 7, "1-merge": 1, "2": 4, "2-merge": 2}
    assert str(steps["2"][3]) == (
        "proactivebench evaluate --model openai:OpenGVLab/InternVL3-8B-hf --data drawings --scenario qd --out "
        "runs/OpenGVLab/InternVL3-8B-hf/qd --base-url http://127.0.0.1:20003/v1 --shard 2/2  (with the server: vllm "
        "serve OpenGVLab/InternVL3-8B-hf --port 20003)"
    )
