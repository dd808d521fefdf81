"""The notebooks of the documentation run from their first cell to their last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))

nbformat: Any = pytest.importorskip("nbformat", reason="needs nbformat, of the extra dev")
nbclient: Any = pytest.importorskip("nbclient", reason="needs nbclient, of the extra dev")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A running kernel for all notebooks, in an empty folder, as it takes most of the time to start."""
    from jupyter_client.manager import KernelManager

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        manager = KernelManager()
        manager.start_kernel(cwd=str(tmp_path_factory.mktemp("notebooks")))
        yield manager
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, kernel: Any) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, km=kernel, timeout=60).execute(cleanup_kc=False)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [{kind for output in cell.outputs for kind in output.get("data", {})} for cell in code]
    assert sum("text/html" in kinds for kinds in shown) >= 4


def test_ten_cells_are_ten() -> None:
    [path] = [path for path in NOTEBOOKS if "ten" in path.stem]
    assert sum(cell.cell_type == "code" for cell in nbformat.read(path, as_version=4).cells) == 10


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_outputs(path: Path) -> None:
    assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)
