"""The wheel in an environment that has nothing else but what the core requires, among strangers of the same names."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

from proactivebench import __version__
from tests.support.small_benchmark import DRAWINGS

ROOT = Path(__file__).resolve().parents[2]
STRANGER = "import os\nos.write(2, b'a stranger ran\\n')\nos._exit(7)\n"


def required(lines: list[str]) -> set[str]:
    """Names of the distributions that requirements without extras draw in."""
    names: set[str] = set()
    waiting = [Requirement(line) for line in lines]
    while waiting:
        requirement = waiting.pop()
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in names:
            names.add(requirement.name)
            waiting += [Requirement(line) for line in distribution(requirement.name).requires or ()]
    return names


def link_installed(name: str, place: Path) -> None:
    """Puts what a distribution installed here into another environment, without copying."""
    installed = distribution(name)
    for entry in {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
        if not (place / entry).exists():
            (place / entry).symlink_to(Path(str(installed.locate_file(entry))))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a virtual environment: the wheel, installed by pip, and what it requires.

    All its work waits for the worker processes, which else are not there before a build as short as this one is done.
    """
    folder = tmp_path_factory.mktemp("wheel")
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet", wheel]
    subprocess.run(pip, check=True)
    [place] = folder.joinpath("venv", "lib").glob("python*/site-packages")
    workers = place / "builders" / "pipeline" / "workers.py"
    alone, together = "WAIT_FOR_ALL = False", "WAIT_FOR_ALL = True"
    assert alone in workers.read_text()
    workers.write_text(workers.read_text().replace(alone, together))
    [described] = place.glob("proactivebench_toolkit-*.dist-info")
    metadata = described.joinpath("METADATA").read_text(encoding="utf-8").splitlines()
    prefix = "Requires-Dist: "
    for name in required([line.removeprefix(prefix) for line in metadata if line.startswith(prefix)]):
        link_installed(name, place)
    return python.parent


@pytest.fixture
def among_strangers(tmp_path: Path) -> Path:
    """A working directory with modules of the same names, which would end a program that imports them."""
    folder = tmp_path / "strangers"
    for name in ("builders", "commands", "raw_sources"):
        folder.joinpath(name).mkdir(parents=True)
        folder.joinpath(name, "__init__.py").write_text(STRANGER)
    folder.joinpath("cli.py").write_text(STRANGER)
    return folder


def run(folder: Path, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    parts = [str(part) for part in command]
    return subprocess.run(parts, cwd=folder, env=inherited | variables, capture_output=True, text=True, check=False)


def test_the_demo_runs(environment: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    demo = run(empty, environment / "proactivebench", "demo")
    assert demo.returncode == 0, demo.stderr
    rows = [line.split() for line in demo.stdout.splitlines()]
    table = [line.split() for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("scripted:")]
    assert len(table) == 5
    assert all(row in rows for row in table), "README shows what it says"
    assert "\n\n\n" not in demo.stdout
    assert [path.name for path in empty.iterdir()] == ["demo"]
    assert (empty / "demo" / "episodes.png").stat().st_size > 10_000


def test_both_entries_are_one(environment: Path, tmp_path: Path) -> None:
    entries = ([environment / "proactivebench"], [environment / "python", "-m", "proactivebench"])
    for entry in entries:
        told = run(tmp_path, *entry, "--version")
        assert (told.returncode, told.stdout.split()[-1]) == (0, __version__), told.stderr
        helped = run(tmp_path, *entry, "--help")
        assert (helped.returncode, "evaluate" in helped.stdout) == (0, True), helped.stderr


@pytest.mark.parametrize("entry", [("proactivebench",), ("python", "-m", "proactivebench")], ids=["command", "module"])
def test_strangers_of_the_same_names_do_not_run(
    environment: Path, among_strangers: Path, entry: tuple[str, ...]
) -> None:
    among_strangers.joinpath("mine.py").write_text(
        "from proactivebench.models.scripted import ScriptedModel\n"
        "class Mine(ScriptedModel):\n"
        "    def __init__(self):\n"
        "        super().__init__('oracle')\n"
    )
    build = ("build", "quickdraw", "--raw", DRAWINGS, "--per-category", 1, "--workers", 2, "--out", "data")
    play = ("evaluate", "--model", "mine:Mine", "--data", "data", "--out", "run")
    for arguments in (build, play):
        command = (environment / entry[0], *entry[1:], *arguments)
        done = run(among_strangers, *command, PYTHONPATH=str(among_strangers))
        assert done.returncode == 0, done.stderr


def test_packages_beside_the_wheel_bring_their_scenarios(environment: Path, among_strangers: Path) -> None:
    [place] = environment.parent.joinpath("lib").glob("python*/site-packages")
    for example in ("dark", "zoom_text"):
        folder = str(ROOT / "examples" / example)
        [wheel] = WheelBuilder(folder).build(directory=str(among_strangers), versions=["standard"])
        zipfile.ZipFile(wheel).extractall(place)
    listed = run(among_strangers, environment / "proactivebench", "sources")
    assert {"photos", "notes"} <= set(listed.stdout.split()), listed.stderr
    fake = run(among_strangers, environment / "python", "-P", "-m", "zoom_text.fake", "raw")
    assert fake.returncode == 0, fake.stderr
    built = run(among_strangers, environment / "proactivebench", "build", "zoom", "--raw", "raw", "--out", "data")
    assert (built.returncode, "ZOOM built" in built.stderr) == (0, True), built.stderr


def test_strangers_do_not_run_where_torchrun_starts_us(among_strangers: Path) -> None:
    pytest.importorskip("torch")
    launcher = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", 1)
    done = run(among_strangers, *launcher, "-m", "proactivebench", "--version", PYTHONPATH=f"{among_strangers}:{ROOT}")
    assert (done.returncode, __version__ in done.stdout) == (0, True), done.stderr
