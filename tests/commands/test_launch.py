"""`launch`: every task runs once, what failed runs again, and Slurm gets a script that does the same."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from commands.launch_plan import read_plan
from proactivebench.errors import UsageError
from tests.support.processes import ROOT

PLAN = """
executor = "{executor}"
folder = "launched"
workers = 2
options = {options}

[[stages]]
command = "evaluate --data {data} --model scripted:{{model}} --out runs/{{model}}"
each = {{ model = ["ask", "guess"] }}
shards = 2
"""


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def write_plan(here: Path, data: Path, executor: str = "local", options: str = "{}") -> Path:
    plan = here / "plan.toml"
    plan.write_text(PLAN.format(executor=executor, data=data, options=options))
    return plan


def test_a_plan_runs_to_its_end_and_what_is_done_is_not_done_again(here: Path, small_runs: Path) -> None:
    pytest.importorskip("datatrove")
    data = here / "data"
    plan = write_plan(here, data)
    code, said = call("launch", plan)  # there are no data yet
    assert code == 1
    assert "4 of 4 tasks are not done, such as: proactivebench evaluate" in said
    assert "does not exist" in (here / "launched" / "1" / "output" / "00000.txt").read_text()
    shutil.copytree(small_runs / "data", data)
    assert call("launch", plan)[0] == 0
    for name in ("ask", "guess"):
        found, expected = (json.loads((run / name / "metrics.json").read_text()) for run in (here / "runs", small_runs))
        assert found == expected
    code, said = call("launch", plan, "--dry-run")
    assert (code, said.count("  done  proactivebench"), said.count("proactivebench")) == (0, 6, 6)
    plan.write_text(plan.read_text().replace('"guess"', '"oracle"'))
    assert "was launched with other tasks" in call("launch", plan)[1]


def test_slurm_gets_scripts_that_run_each_task_of_each_step(
    here: Path, small_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sbatch that keeps what it is given; then every task of the array runs as a node would run it."""
    pytest.importorskip("datatrove")
    bin_ = here / "bin"
    bin_.mkdir()
    launcher = f'exec {sys.executable} -m datatrove.tools.launch_pickled_pipeline "$@"\n'
    programs = {
        "sbatch": f'for last; do true; done\ncp "$last" {here}/job-$(ls {here} | grep -c job)\necho Submitted 7\n',
        "srun": 'while [ "$1" != launch_pickled_pipeline ]; do shift; done\nexec "$@"\n',
        "scontrol": "echo localhost\n",
        "launch_pickled_pipeline": launcher,
    }
    for name, text in programs.items():
        (bin_ / name).write_text(f"#!/bin/bash\n{text}")
        (bin_ / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    options = f'{{ time = "1:00", partition = "p", env_command = "export PATH={bin_}:$PATH" }}'
    plan = write_plan(here, small_runs / "data", "slurm", options)
    dry = call("launch", plan, "--dry-run")[1]
    code, said = call("launch", plan)
    assert (code, "Submitted." in said) == (0, True)
    jobs = [job for job in sorted(here.glob("job-*")) if "launch_pickled_pipeline" in job.read_text()]
    assert len(jobs) == 2
    assert all(job.read_text() in dry for job in jobs), dry
    for job, tasks in zip(jobs, (4, 2), strict=True):
        assert f"#SBATCH --array=0-{tasks - 1}%2" in job.read_text()
        for task in range(tasks):
            there = {**os.environ, "SLURM_ARRAY_TASK_ID": str(task), "RUN_OFFSET": "0", "SLURM_NODELIST": "localhost"}
            subprocess.run(["bash", str(job)], env=there, check=True, capture_output=True, timeout=300)
    assert json.loads((here / "runs" / "ask" / "metrics.json").read_text()) == json.loads(
        (small_runs / "ask" / "metrics.json").read_text()
    )
    assert "All tasks are done." in call("launch", plan)[1]


SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer({"data": []})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        said = {"index": 0, "message": {"role": "assistant", "content": "A cat."}, "finish_reason": "stop"}
        self.answer({"id": "1", "object": "chat.completion", "model": "m", "choices": [said]})

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_server_is_started_for_each_task_and_ended_with_it(here: Path, small_runs: Path) -> None:
    pytest.importorskip("datatrove")
    (here / "server.py").write_text(SERVER)
    plan = here / "plan.toml"
    plan.write_text(
        f'folder = "launched"\nworkers = 1\n[[stages]]\nshards = 2\nserver = "{sys.executable} server.py {{port}}"\n'
        f'command = "evaluate --data {small_runs / "data"} --model openai:m --out run"\n'
    )
    assert call("launch", plan)[0] == 0, (here / "launched" / "1" / "output" / "00000.txt").read_text()
    server = json.loads((here / "run" / "run.json").read_text())["model"]["server"]
    assert server == ["http://127.0.0.1:20000/v1", "http://127.0.0.1:20001/v1"]
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"{sys.executable} server.py 2000" not in listing


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("folder = ", "is not TOML"),
        ('folder = "x"', "stages: Field required"),
        ('folder = "x"\n[[stages]]\ncommand = "check {data}"', "{data} must stand both in the command and under each"),
        ('folder = "x"\n[[stages]]\ncommand = "check d"\nshards = 2', "shards need --out FOLDER"),
        ('folder = "x"\n[[stages]]\ncommand = "build qd --out d --shard 1/2"\nshards = 2', "instead of --shard"),
        ('folder = "x"\n[[stages]]\ncommand = "check d"\nserver = "vllm serve m"', "needs {port}"),
        ('folder = "x"\nshard = 2\n[[stages]]\ncommand = "check d"', "shard: Extra inputs are not permitted"),
        ('folder = "x"\nexecutor = "lsf"\n[[stages]]\ncommand = "check d"', "'local', 'slurm' or 'ray'"),
        (
            'folder = "x"\n[[stages]]\ncommand = "check {d}"\neach = { d = [] }',
            "each.d needs values, each of them once",
        ),
        ('folder = "x"\n[[stages]]\ncommand = "check {d}"\neach = { d = ["a", "a"] }', "each.d needs values"),
        (
            'folder = "x"\n[[stages]]\ncommand = "build qd --out d"\nshards = 100_000_000',
            "less than or equal to 100000",
        ),
        (
            'folder = "x"\n[[stages]]\ncommand = "build {s} --out d"\nshards = 60_000\neach = { s = ["qd", "rod"] }',
            "120,000 tasks, expected at most 100,000",
        ),
        ("a = " + "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        read_plan(tmp_path / "plan.toml")
    assert said in str(error.value)


def test_an_option_that_the_executor_does_not_know_is_named(here: Path, small_runs: Path) -> None:
    pytest.importorskip("datatrove")
    code, said = call("launch", write_plan(here, small_runs / "data", options='{ partitoin = "p" }'))
    assert (code, "partitoin" in said) == (2, True)
