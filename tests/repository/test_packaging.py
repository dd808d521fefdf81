"""The wheel holds the toolkit and nothing else, and importing it costs nothing heavy."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.support.processes import ROOT, run

PACKAGES = ("builders", "commands", "proactivebench", "raw_sources")
HEAVY = {
    "accelerate", "cv2", "datasets", "huggingface_hub", "matplotlib", "numpy", "openai", "pandas", "peft", "pyarrow",
    "torch", "transformers", "trl",
}  # fmt: skip
HELP = """
import sys, cli
sys.argv = ["proactivebench", "--help"]
try:
    cli.main()
except SystemExit as end:
    assert not end.code
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel that `pip install` would make of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    [path] = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        yield archive


def modules_after(code: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter has imported when `code` has run."""
    report = "import json, sys; print(); print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    done = run(command)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_wheel_holds_every_file_of_the_packages_and_the_command_line(wheel: zipfile.ZipFile) -> None:
    in_tree = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    in_wheel = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert in_wheel == in_tree | {"cli.py"}
    assert "proactivebench/py.typed" in in_wheel


def test_wheel_holds_the_data_files(wheel: zipfile.ZipFile) -> None:
    name = "raw_sources/bundled/quickdraw/simplified/cat.ndjson"
    assert wheel.read(name) == (ROOT / name).read_bytes()


def test_wheel_carries_licence_and_attribution(wheel: zipfile.ZipFile) -> None:
    licences = {Path(name).name for name in wheel.namelist() if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}


def test_wheel_installs_the_command_without_torch(wheel: zipfile.ZipFile) -> None:
    info = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "proactivebench = proactivebench.__main__:main" in wheel.read(info["entry_points.txt"]).decode()
    requirements = [
        line.removeprefix("Requires-Dist: ")
        for line in wheel.read(info["METADATA"]).decode().splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    always = [line for line in requirements if "extra ==" not in line]
    assert any(line.startswith("pydantic") for line in always)
    assert not any(
        line.startswith(("accelerate", "datasets", "peft", "torch", "transformers", "trl")) for line in always
    )


def test_importing_the_packages_imports_nothing_heavy() -> None:
    modules = modules_after("import " + ", ".join(PACKAGES))
    assert set(PACKAGES) <= modules
    assert not modules & {"torch", "transformers", "datasets"}


def test_help_imports_nothing_heavy() -> None:
    modules = modules_after(HELP)
    assert "click" in modules
    assert not modules & HEAVY


def test_bundled_drawings_are_enough_for_the_demo(bundled_quickdraw: Path) -> None:
    files = sorted(bundled_quickdraw.glob("*.ndjson"))
    assert len(files) == 20
    for file in files:
        drawings = [json.loads(line) for line in file.read_bytes().splitlines()]
        assert len({drawing["key_id"] for drawing in drawings}) >= 12
        assert all(drawing["word"] == file.stem for drawing in drawings)
        assert all(drawing["recognized"] and len(drawing["drawing"]) >= 2 for drawing in drawings)


def test_bundled_drawings_are_unmodified_lines(bundled_quickdraw: Path, shared_data: Path) -> None:
    for file in bundled_quickdraw.glob("*.ndjson"):
        original = (shared_data / "quickdraw" / "simplified" / file.name).read_bytes().splitlines()
        assert set(file.read_bytes().splitlines()) <= set(original)
