"""What all tests share: real data where it is available, and settings that suit several workers on one machine."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

gc.disable()  # until everything is imported: there are millions of objects then, and none of them is garbage

# Read when torch is imported: workers that each use all cores only slow each other down, and sums depend on it.
os.environ["OMP_NUM_THREADS"] = "1"

MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 8 << 30:
    # What is built and recorded is synced to the disk, and on a slow one tests would do nothing but wait for that.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# Property tests draw the same examples in every run, and neither a deadline nor a health check asks how loaded the
# machine is. `make fuzz` draws new examples, and many.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("repeatable"), derandomize=False, max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_finish() -> None:
    """What is imported is looked at no more when garbage is collected, as every training asks for explicitly."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def digest_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file that remembers digests, away from the user's own."""
    file = tmp_path_factory.mktemp("cache") / "digests.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("proactivebench.digests.memory_file", lambda: file)
        yield file


@pytest.fixture(scope="session", autouse=True)
def quick_workers() -> Iterator[None]:
    """Workers of builds are forks of a process that has imported what they import; programs start their own."""
    multiprocessing.set_forkserver_preload(
        ["builders.pipeline.workers", "builders.registry", "tests.support.fake_builder"]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builders.pipeline.workers._METHOD", "forkserver")
        yield


@pytest.fixture
def unprinted_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots of reports are drawn, but not printed, which takes most of a report's time; for tests of other things."""
    for module in ("page", "report"):
        monkeypatch.setattr(f"proactivebench.reports.{module}.encode", lambda figure, kind: b"<svg/>")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of larger real data sets beside the repository; a test that needs it is skipped without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs real data in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def bundled_quickdraw() -> Path:
    """The folder that holds the bundled Quick, Draw! drawings, 20 classes in the simplified format."""
    return ROOT / "raw_sources" / "bundled" / "quickdraw" / "simplified"


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a benchmark of six drawings in `data` and the runs `ask` and `guess`; nobody may change it."""
    from proactivebench.models.scripted import ScriptedModel
    from tests.support.small_benchmark import build_small
    from tests.support.small_runs import play

    folder = tmp_path_factory.mktemp("place")
    build_small(folder / "data")
    for name in ("ask", "guess"):
        play(folder / "data", ScriptedModel(name), folder / name)
    return folder


@pytest.fixture(scope="session")
def small_report(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report of `small_runs`, among the paper's models; nobody may change it."""
    from tests.support.small_runs import write_small_report

    return write_small_report(small_runs, tmp_path_factory.mktemp("reports") / "report")


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Family -> folder of a tiny model of transformers that sees pictures, made when it is first asked for."""
    transformers = pytest.importorskip("transformers")
    from tests.support.tiny_models import tiny_model
    from tests.support.tiny_newer_models import NEWER

    root = tmp_path_factory.mktemp("models")
    transformers.utils.logging.disable_progress_bar()

    def folder(family: str) -> Path:
        if family == "smolvlm":
            pytest.importorskip("num2words", reason="SmolVLM's processor needs it")
        return root / family if (root / family).exists() else tiny_model(NEWER.get(family, family), root / family)

    return folder


@pytest.fixture(scope="session")
def text_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model of transformers that takes texts alone."""
    pytest.importorskip("transformers")
    from tests.support.tiny_models import tiny_text_model

    return tiny_text_model(tmp_path_factory.mktemp("models") / "text")
