"""A plan on a real Slurm: controller and node of Debian's packages on this machine, and what happens when they die.

It takes minutes, so it runs by `make test-slurm` alone, as root, where slurmctld, slurmd and munged are installed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import ROOT

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
if "TEST_SLURM" not in os.environ:
    pytest.skip("takes minutes: make test-slurm", allow_module_level=True)
if missing := [name for name in PROGRAMS if not shutil.which(name, path=PATH)]:
    pytest.skip(
        f"needs Slurm: apt-get install slurmctld slurmd munge ({missing[0]} is missing)", allow_module_level=True
    )
if os.geteuid() != 0:
    pytest.skip("needs root, as which slurmd runs", allow_module_level=True)
pytest.importorskip("datatrove")

CONF = """
ClusterName=one
SlurmctldHost={host}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={here}/munge.socket
StateSaveLocation={here}/state
SlurmdSpoolDir={here}/spool
SlurmctldPidFile={here}/slurmctld.pid
SlurmdPidFile={here}/slurmd.pid
SlurmctldLogFile={here}/slurmctld.log
SlurmdLogFile={here}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdTimeout=20
MessageTimeout=30
NodeName={host} CPUs=2 RealMemory=2048 State=UNKNOWN
PartitionName=p Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
PATIENCE = 500.0


class Cluster:
    """Daemons that can be killed and started again."""

    def __init__(self, here: Path):
        self.here = here
        self.variables = {**os.environ, "SLURM_CONF": f"{here}/slurm.conf", "PATH": PATH, "PYTHONPATH": str(ROOT)}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *words: str) -> None:
        log = (self.here / f"{name}.out").open("ab")
        self.running[name] = subprocess.Popen(
            [shutil.which(name, path=PATH) or name, *words], env=self.variables, stdout=log, stderr=log
        )

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def call(self, *words: str) -> str:
        return subprocess.run(words, env=self.variables, capture_output=True, text=True, timeout=60, check=False).stdout

    def wait(self, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not happened():
            logs = "".join(path.read_text(errors="replace")[-1500:] for path in self.here.glob("slurm*.log"))
            assert time.monotonic() < end, f"{self.call('squeue')}{logs}"
            time.sleep(0.5)


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    here = tmp_path_factory.mktemp("slurm")
    for folder in ("state", "spool"):
        (here / folder).mkdir()
    for parent in (here, *list(here.parents)[:2]):
        parent.chmod(0o755)  # munged asks that others cannot write where its socket lies
    with socket.socket() as one, socket.socket() as two:
        one.bind(("", 0))
        two.bind(("", 0))
        ports = (one.getsockname()[1], two.getsockname()[1])
    host = socket.gethostname().partition(".")[0]
    (here / "slurm.conf").write_text(CONF.format(host=host, here=here, ports=ports))
    key = here / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    found = Cluster(here)
    files = [f"--{name}-file={here}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    found.start("munged", "--foreground", "--force", f"--socket={here}/munge.socket", *files)
    try:
        found.wait((here / "munge.socket").exists)
        found.start("slurmctld", "-D")
        found.start("slurmd", "-D")
        found.wait(lambda: "idle" in found.call("sinfo", "-h", "-o", "%T"))
        yield found
    finally:
        found.call("scancel", "--full", "--user=root")
        for process in reversed(list(found.running.values())):
            process.send_signal(signal.SIGTERM)
            process.wait(30)


PLAN = """
executor = "slurm"
folder = "launched"
options = {{ time = "10:00", partition = "p", mem_per_cpu_gb = 1 }}

[[stages]]
command = "build qd --raw {raw} --out data --per-category 3"
shards = 5

[[stages]]
command = "evaluate --data data --model scripted:ask --out run"
shards = 3
"""


def test_what_dies_on_the_way_leaves_no_trace(cluster: Cluster, tmp_path: Path, bundled_quickdraw: Path) -> None:
    """A task is killed, the controller and the node's daemon die and come back; one more launch does the rest."""

    def ours(*words: object) -> str:
        command = [sys.executable, "-m", "proactivebench", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, env=cluster.variables, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def is_idle() -> bool:
        return not cluster.call("squeue", "-h").strip()

    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.format(raw=bundled_quickdraw))
    assert "Submitted." in ours("launch", plan)
    builds = tmp_path / "launched" / "1"
    cluster.wait(lambda: any((builds / "output").glob("*.txt")))
    cluster.kill("slurmctld")
    cluster.start("slurmctld", "-D")
    cluster.wait(lambda: any((builds / "completions").glob("*")))
    victims = subprocess.run(["pgrep", "-f", "proactivebench build qd .*--shard"], capture_output=True, text=True)
    for victim in victims.stdout.split()[:1]:
        os.kill(int(victim), signal.SIGKILL)
    cluster.kill("slurmd")
    cluster.start("slurmd", "-D")
    cluster.wait(lambda: is_idle() or "DependencyNeverSatisfied" in cluster.call("squeue", "-h", "-o", "%r"))
    for _ in range(3):
        cluster.call("scancel", "--user=root")  # what waits for something that failed
        cluster.wait(is_idle)
        if "All tasks are done." in ours("launch", plan):
            break
        cluster.wait(lambda: is_idle() or "DependencyNeverSatisfied" in cluster.call("squeue", "-h", "-o", "%r"))
    assert "All tasks are done." in ours("launch", plan)

    ours("build", "qd", "--raw", bundled_quickdraw, "--out", "whole", "--per-category", 3)
    ours("evaluate", "--data", "whole", "--model", "scripted:ask", "--out", "alone")
    assert _files(tmp_path / "data") == _files(tmp_path / "whole")
    found, expected = (json.loads((tmp_path / run / "metrics.json").read_text()) for run in ("run", "alone"))
    assert found == expected


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
