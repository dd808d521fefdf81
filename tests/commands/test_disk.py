"""A disk that is full or may not be written, a folder in use: each command says so in a sentence."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import HfApi

from cli import main
from proactivebench.models.base import Request
from proactivebench.reports.play import HumanModel
from proactivebench.work.folder import locked
from raw_sources.fakes import make_vsod
from tests.support import http_server, local_hub
from tests.support.full_disk import full, read_only
from tests.support.http_server import Served, served_by, zipped
from tests.support.hub_store import Blob, Repo, is_large
from tests.support.publishing import REPO
from tests.support.slow_model import SLOW
from tests.support.small_benchmark import DRAWINGS

_PLAY = ("evaluate", "--data", "OUT/data", "--model")

COMMANDS = {
    "build": ("build", "quickdraw", "--raw", DRAWINGS, "--out", "OUT/new", "--per-category", "1"),
    "build train": ("build", "train", "--raw", DRAWINGS, "--out", "OUT/new", "--coco", "0", "--quickdraw", "3"),
    "a shard": ("build", "quickdraw", "--raw", DRAWINGS, "--out", "OUT/new", "--per-category", "1", "--shard", "1/9"),
    "merge": ("merge", "OUT/built"),
    "merge of a run": ("merge", "OUT/played"),
    "package": ("package", "OUT/data"),
    "publish": ("publish", "OUT/data", "--repo", "ann/small", "--dry-run"),
    "filter": ("filter", "OUT/data", "--runs", "OUT/ask"),
    "evaluate": (*_PLAY, "scripted:guess", "--out", "OUT/new"),
    "evaluate again": (*_PLAY, "scripted:ask", "--out", "OUT/ask"),
    "cache": (*_PLAY, SLOW, "--out", "OUT/new", "--cache", "OUT/cache"),
    "judge": ("judge", "OUT/oeg", "--judge", SLOW, "--max-errors", "1"),
    "when": ("when", "OUT/ask", "--forced", "OUT/forced"),
    "report": ("report", "OUT/ask", "--out", "OUT/new"),
    "play": ("play", "OUT/data", "--name", "Ada", "--out", "OUT/new"),
    "pull": ("pull", REPO, "--out", "OUT/new"),
    "fetch": ("fetch", "quickdraw", "cat", "--raw", "OUT/new"),
    "fetch, unpack": ("fetch", "coco", "val2014", "--raw", "OUT/new"),
    "propose": ("build", "vsod", "--raw", "OUT/raw", "--propose", "OUT/new.csv"),
    "leaderboard": ("leaderboard", "OUT/ask", "--out", "OUT/new"),
    "table": ("table", "OUT/ask", "--out", "OUT/new.md"),
    "export": ("export", "OUT/ask", "--out", "OUT/new", "--organization", "Ann"),
    "new-scenario": ("new-scenario", "lamp", "--out", "OUT/lamp"),
    "demo": ("demo", "--out", "OUT/new"),
}
"""What is tried -> the command; OUT is the folder that cannot be written."""

SHORT = ("filter", "judge", "table")
"""Commands that write less than 500 bytes."""

IN_USE = {
    **dict.fromkeys(("package", "publish", "filter"), "data"),
    **dict.fromkeys(("evaluate again", "when"), "ask"),
    "merge": "built",
    "merge of a run": "played",
    **dict.fromkeys(("build", "build train", "play", "report", "leaderboard", "demo"), "new"),
}
"""What is tried -> the folder that it writes to."""

WORDS = ("File too large", "Permission denied", "disk I/O error", "unable to open database", "database or disk is full")
"""What systems call it; one of these is in the sentence."""


def run(out: Path, *command: object) -> Result:
    return CliRunner().invoke(main, [str(part).replace("OUT", str(out)) for part in command])


@pytest.fixture(scope="module")
def runs(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What commands need to be there."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("data", "ask"):
        shutil.copytree(small_runs / name, folder / name)
    make_vsod(folder / "raw", videos=1)
    for mode in ("oeg", "forced"):
        done = run(folder, *_PLAY, "scripted:guess", "--mode", mode, "--out", f"OUT/{mode}")
        assert done.exit_code == 0, done.output
    for shard in ("1/2", "2/2"):
        built = run(folder, *COMMANDS["build"][:-3], "OUT/built", "--per-category", "1", "--shard", shard)
        played = run(folder, *_PLAY, "scripted:guess", "--out", "OUT/played", "--shard", shard)
        assert (built.exit_code, played.exit_code) == (0, 0), built.output + played.output
    return folder


@pytest.fixture(scope="module", autouse=True)
def servers(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Hub with the benchmark, a source of raw data, and a person who plays without a browser."""
    published = Path(shutil.copytree(runs / "data", tmp_path_factory.mktemp("published") / "data"))
    assert run(published.parent, "package", "OUT/data").exit_code == 0
    files = {path.relative_to(published).as_posix(): path for path in published.rglob("*") if path.is_file()}

    async def choose(self: HumanModel, request: Request) -> str:
        return request.messages[-1].text.splitlines()[-1].partition(". ")[2]

    with local_hub.serve() as hub, http_server.serve() as server, pytest.MonkeyPatch.context() as patch:
        hub.repos[REPO] = Repo(REPO)
        hub.repos[REPO].commit(
            "publish",
            {
                path: Blob(file.read_bytes(), is_large(path, 0))
                for path, file in files.items()
                if file.suffix != ".png" and not path.startswith(".")
            },
        )
        server.files["/quickdraw_dataset/full/simplified/cat.ndjson"] = Served(b"{}\n" * 2000)
        server.files["/zips/val2014.zip"] = zipped({"val2014/photo.jpg": bytes(10_000)})
        patch.setattr("commands.sources.find_entry", lambda name: served_by(name, server))
        patch.setattr("builders.hub.client.connect", lambda: HfApi(hub.url, token=False))
        patch.setattr(HumanModel, "reply", choose)
        yield


@pytest.fixture
def place(runs: Path) -> Iterator[Path]:
    """The same in a folder that anybody may reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(shutil.copytree(runs, folder, dirs_exist_ok=True))


def require_sentence(result: Result) -> None:
    assert isinstance(result.exception, SystemExit), (result.exception, result.output)
    assert result.exit_code in (1, 2), result.output
    assert "Traceback" not in result.output
    [error] = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert any(words in error for words in WORDS), error
    assert "/" in error, "it names the file"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "demo"])
def test_a_full_disk_is_a_sentence_and_what_was_there_stays(name: str, place: Path) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*.jsonl")}
    with full(0 if name in SHORT else 500):
        require_sentence(run(place, *COMMANDS[name]))
    assert not list(place.rglob(".*.part")), "half of a file is left"  # downloads keep theirs, by another name
    if not name.startswith("evaluate"):
        assert {path: path.read_bytes() for path in before} == before
    if name not in ("publish", "judge", "leaderboard"):  # asks for rights; its model cannot judge; takes long
        again = run(place, *COMMANDS[name])
        assert again.exit_code == 0, again.output


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_may_not_be_written_is_a_sentence(name: str, place: Path) -> None:
    with read_only(place):
        require_sentence(run(place, *COMMANDS[name]))


@pytest.mark.parametrize("name", IN_USE)
def test_a_folder_that_another_process_works_in_is_a_sentence(name: str, place: Path) -> None:
    with locked(place / IN_USE[name]):
        result = run(place, *COMMANDS[name])
    assert (result.exit_code, "is in use by another process" in result.output) == (2, True), result.output
