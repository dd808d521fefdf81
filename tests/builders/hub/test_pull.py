from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from rich.console import Console
from rich.progress import Progress

from builders.hub import remote
from builders.hub.client import HubError, UnreachableError
from builders.hub.publish import prepare
from builders.hub.pull import Pulled, pull
from builders.hub.remote import Snapshot
from proactivebench.benchmark import Benchmark
from proactivebench.checking import check_benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.samples import SampleError
from proactivebench.scenarios import QD
from raw_sources.base import SourceError
from raw_sources.download import download
from tests.support.example_benchmark import build_examples
from tests.support.hub_store import Blob, LocalHub, Repo, is_large
from tests.support.local_hub import serve
from tests.support.small_benchmark import build_small

TOKEN = "hf_annsOwnSecret"
REPO = "ann/small"
SAMPLES, ARCHIVE = "test/QuickDraw_preprocessed.jsonl", "test/QuickDraw.zip"
TRAIN = "data/train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_examples(build_small(tmp_path_factory.mktemp("built")), "COCO")
    prepare(folder, REPO, "http://hub")
    return folder


@pytest.fixture
def hub(data: Path) -> Iterator[LocalHub]:
    """A Hub with the benchmark, its training split, and a repository like the original: neither manifest nor card."""
    contents = {path.relative_to(data).as_posix(): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    names = [path for path in contents if "." not in path.split("/")[0][:1] and not path.endswith((".png", ".jpg"))]
    files = {path: Blob(contents[path], is_large(path, len(contents[path]))) for path in names}
    original = {path: blob for path, blob in files.items() if path.startswith("test/QuickDraw")}
    with serve() as hub:
        hub.tokens[TOKEN] = "ann"
        for name, held in {REPO: files | {TRAIN: Blob(b"rows", large=True)}, "ann/original": original}.items():
            hub.repos[name] = Repo(name)
            hub.repos[name].commit("publish", held)
        yield hub


def get(hub: LocalHub, out: Path, *parts: str, repo: str = REPO, token: str | bool = False, **options: str) -> Pulled:
    return pull(HfApi(hub.url, token=token), repo, out, parts=parts, **options)  # type: ignore[arg-type]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def downloads(hub: LocalHub) -> list[str]:
    return [path.partition("/resolve/")[2].partition("/")[2] for _, path in hub.requests if "/resolve/" in path]


def test_what_comes_back_is_what_was_published(hub: LocalHub, data: Path, tmp_path: Path) -> None:
    done = get(hub, tmp_path / "out")
    assert (done.fetched, done.up_to_date) == (["QD", "COCO"], [])
    assert done.commit == hub.repos[REPO].commits[-1][0]
    came, built = content(tmp_path / "out"), content(data)
    assert {path for path in came if path.startswith("test/")} == {
        path for path in built if path.startswith("test/") and not path.endswith(".zip")
    }
    assert all(came[path] == built[path] for path in came if path.startswith("test/") or path == "manifest.json")
    assert TRAIN not in came
    with Progress(disable=True) as progress:
        assert check_benchmark(tmp_path / "out", progress).problems == []


def test_only_what_is_asked_for_is_downloaded(hub: LocalHub, tmp_path: Path) -> None:
    get(hub, tmp_path, "coco")
    assert set(downloads(hub)) == {"manifest.json", "test/coco2014_preprocessed.jsonl", "test/coco2014.zip"}
    assert [scenario.name for scenario in Benchmark.open(tmp_path).scenarios] == ["COCO"]
    with Progress(disable=True) as progress:
        assert check_benchmark(tmp_path, progress).problems == []
    assert get(hub, tmp_path, "train").fetched == ["train"]
    assert (tmp_path / TRAIN).read_bytes() == b"rows"
    done = get(hub, tmp_path)
    assert (done.fetched, done.up_to_date) == (["QD"], ["COCO"])
    assert get(hub, tmp_path, "Train").up_to_date == ["train"]
    assert list(json.loads((tmp_path / "manifest.json").read_bytes())["scenarios"]) == ["COCO", "QD"]


def test_a_second_pull_gets_what_changed_and_nothing_else(hub: LocalHub, tmp_path: Path) -> None:
    get(hub, tmp_path)
    hub.requests.clear()
    assert get(hub, tmp_path).fetched == []
    assert downloads(hub) == []
    lines = hub.repos[REPO].files[SAMPLES].data.splitlines(keepends=True)
    manifest = json.loads(hub.repos[REPO].files["manifest.json"].data)
    manifest["scenarios"]["QD"]["files"][SAMPLES]["bytes"] = len(lines[0])
    hub.repos[REPO].put("manifest.json", json.dumps(manifest).encode())
    hub.repos[REPO].put(SAMPLES, lines[0])
    hub.repos[REPO].put("kept_ids.json", b'{"QuickDraw": [0]}')
    assert get(hub, tmp_path).fetched == ["QD"]
    assert set(downloads(hub)) == {"manifest.json", SAMPLES, ARCHIVE, "kept_ids.json"}
    assert len(list(Benchmark.open(tmp_path).samples(QD))) == 1
    hub.repos[REPO].put("kept_ids.json", None)
    get(hub, tmp_path)
    assert not (tmp_path / "kept_ids.json").exists()


def test_an_older_revision(hub: LocalHub, tmp_path: Path) -> None:
    first = hub.repos[REPO].commits[-1][0]
    hub.repos[REPO].tags["v1"] = first
    hub.repos[REPO].put(SAMPLES, b"not even JSON\n")
    assert get(hub, tmp_path / "tag", "qd", revision="v1").commit == first
    assert get(hub, tmp_path / "commit", "qd", revision=first).commit == first


def test_a_repository_like_the_original(hub: LocalHub, tmp_path: Path) -> None:
    assert get(hub, tmp_path, repo="ann/original").fetched == ["QD"]
    benchmark = Benchmark.open(tmp_path)
    assert not benchmark.is_ours
    assert len(list(benchmark.samples(QD, filtered=False))) == 6


def test_a_download_that_broke_goes_on_where_it_stopped(hub: LocalHub, tmp_path: Path) -> None:
    size = len(hub.repos[REPO].files[ARCHIVE].data)
    get(hub, tmp_path / "whole", "qd")
    expected, hub.sent = hub.sent, 0
    hub.breaks[ARCHIVE] = [size // 2]
    hub.answers[ARCHIVE] = []

    def vanish_after_the_break() -> None:
        hub.answers[ARCHIVE] = [404]

    hub.after_break = vanish_after_the_break
    with pytest.raises(SourceError, match="404"):
        get(hub, tmp_path / "out", "qd")
    assert not (tmp_path / "out" / SAMPLES).exists()
    small = expected - size
    assert hub.sent == small + size // 2
    get(hub, tmp_path / "out", "qd")
    assert hub.sent == expected
    assert content(tmp_path / "out" / "test") == content(tmp_path / "whole" / "test")
    assert not (tmp_path / "out" / ".pull").exists()


@dataclass(frozen=True)
class OtherBlob(Blob):
    """A file whose checksums are those of another one."""

    @property
    def git_id(self) -> str:
        return "0" * 40

    @property
    def sha256(self) -> str:
        return "0" * 64


@pytest.mark.parametrize("path", [SAMPLES, ARCHIVE])
def test_a_file_that_is_not_what_the_hub_says_is_not_taken(hub: LocalHub, tmp_path: Path, path: str) -> None:
    blob = hub.repos[REPO].files[path]
    hub.repos[REPO].files[path] = OtherBlob(blob.data, blob.large)
    with pytest.raises(HubError, match=rf"{path} did not arrive"):
        get(hub, tmp_path, "qd")
    hub.repos[REPO].files[path] = blob
    assert get(hub, tmp_path, "qd").fetched == ["QD"]


# Strangers.


def archive_of(name: str, kind: int = stat.S_IFREG) -> bytes:
    packed = BytesIO()
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(packed, "w") as container:
        container.writestr(member, b"/etc/passwd")
    return packed.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        archive_of("../../escaped.png"),
        archive_of("/escaped.png"),
        archive_of("QuickDraw/link.png", stat.S_IFLNK),
        b"PK\x03\x04 torn",
    ],
)
def test_a_hostile_archive_leaves_everything_as_it_was(hub: LocalHub, tmp_path: Path, archive: bytes) -> None:
    out = tmp_path / "deep" / "down"
    get(hub, out, "qd")
    before = content(out / "test")
    hub.repos[REPO].put(ARCHIVE, archive)
    with pytest.raises(SourceError, match=r"QuickDraw\.zip"):
        get(hub, out, "qd")
    assert content(out / "test") == before
    assert not list(tmp_path.rglob("escaped.png"))


def test_samples_that_lead_outside_are_refused(hub: LocalHub, tmp_path: Path) -> None:
    samples = hub.repos[REPO].files[SAMPLES].data
    hub.repos[REPO].put(SAMPLES, samples.replace(b"QuickDraw/cat", b"../../../home", 1))
    with pytest.raises(SampleError, match="stays inside the data folder"):
        get(hub, tmp_path, "qd")
    assert not (tmp_path / SAMPLES).exists()


def test_an_archive_that_lacks_a_frame_is_refused(hub: LocalHub, tmp_path: Path) -> None:
    hub.repos[REPO].put(ARCHIVE, archive_of("QuickDraw/cat/other.png"))
    with pytest.raises(HubError, match=r"does not hold what its manifest\.json lists"):
        get(hub, tmp_path, "qd")


def lead_outside(entry: dict[str, object]) -> object:
    return {"files": {"test/QuickDraw/../../../etc/passwd": {"bytes": 1}}}


@pytest.mark.parametrize("spoil", [lead_outside, lambda _: [], lambda _: {"files": {"test/QuickDraw/x": 7}}])
def test_a_manifest_that_makes_no_sense_is_refused(
    hub: LocalHub, tmp_path: Path, spoil: Callable[[dict[str, object]], object]
) -> None:
    manifest = json.loads(hub.repos[REPO].files["manifest.json"].data)
    manifest["scenarios"]["QD"] = spoil(manifest["scenarios"]["QD"])
    hub.repos[REPO].put("manifest.json", json.dumps(manifest).encode())
    with pytest.raises(ProactiveBenchError, match=r"manifest\.json"):
        get(hub, tmp_path, "qd")
    assert not (tmp_path / SAMPLES).exists()


def test_a_manifest_of_another_time_is_refused(hub: LocalHub, tmp_path: Path) -> None:
    hub.repos[REPO].put("manifest.json", b'{"format": 99}')
    with pytest.raises(HubError, match=r"manifest\.json cannot be read by this version"):
        get(hub, tmp_path, "qd")


def test_a_training_split_that_changed_leaves_no_old_files(hub: LocalHub, tmp_path: Path) -> None:
    get(hub, tmp_path, "train")
    (tmp_path / "data" / "mine.txt").write_text("keep me")
    hub.repos[REPO].put(TRAIN, None)
    hub.repos[REPO].put("data/train-00000-of-00002.parquet", b"one")
    hub.repos[REPO].put("data/train-00001-of-00002.parquet", b"two")
    assert get(hub, tmp_path, "train").fetched == ["train"]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "mine.txt",
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]


def test_files_elsewhere_in_the_repository_are_never_taken(hub: LocalHub, tmp_path: Path) -> None:
    hub.repos[REPO].put("data/train-/../../../escaped.parquet", b"rows")
    hub.repos[REPO].put("test/secrets.zip", b"PK")
    get(hub, tmp_path / "deep" / "down", "qd", "train")
    assert not list(tmp_path.rglob("escaped.parquet"))
    assert "test/secrets.zip" not in downloads(hub)


# People.


@pytest.mark.parametrize(
    ("repo", "parts", "options", "said"),
    [
        ("ann/nothing", (), {}, "this data set does not exist"),
        ("a b c", (), {}, "expected USER/NAME"),
        (REPO, ("mars",), {}, "There is no scenario 'mars'"),
        (REPO, ("rod",), {}, "does not contain ROD; it has QD, COCO, train"),
        (REPO, (), {"revision": "v9"}, "no such revision"),
        (REPO, (), {"token": "hf_wrongOne"}, "does not exist, or you are not logged in"),
    ],
)
def test_a_request_that_cannot_be_met_says_why(
    hub: LocalHub, tmp_path: Path, repo: str, parts: tuple[str, ...], options: dict[str, str], said: str
) -> None:
    with pytest.raises(ProactiveBenchError, match=said) as caught:
        get(hub, tmp_path / "out", *parts, repo=repo, **options)
    assert "hf_wrongOne" not in str(caught.value)
    assert not (tmp_path / "out" / "test").exists()


@pytest.mark.parametrize(("repo", "part"), [("x", "qd"), ("a b/c", "qd"), (REPO, "mars")])
def test_names_are_checked_before_the_hub_is_asked(hub: LocalHub, tmp_path: Path, repo: str, part: str) -> None:
    hub.requests.clear()
    with pytest.raises(UsageError, match=r"expected USER/NAME|There is no scenario"):
        get(hub, tmp_path / "out", part, repo=repo)
    assert not hub.requests
    assert not (tmp_path / "out").exists()


def test_a_private_repository_is_for_its_owner(hub: LocalHub, tmp_path: Path) -> None:
    hub.repos[REPO].private = True
    with pytest.raises(HubError, match="this data set does not exist"):
        get(hub, tmp_path, "qd")
    assert get(hub, tmp_path, "qd", token=TOKEN).fetched == ["QD"]
    assert not any(TOKEN.encode() in data for data in content(tmp_path).values())


def test_conditions_that_nobody_accepted(hub: LocalHub, tmp_path: Path) -> None:
    hub.repos[REPO].gated = True
    with pytest.raises(HubError, match="accept conditions"):
        get(hub, tmp_path, "qd")


def test_a_repository_without_a_benchmark(hub: LocalHub, tmp_path: Path) -> None:
    hub.repos["ann/other"] = Repo("ann/other")
    hub.repos["ann/other"].commit("photos", {"cat.jpg": Blob(b"", large=False)})
    with pytest.raises(HubError, match="is not a benchmark"):
        get(hub, tmp_path, repo="ann/other")


def test_what_was_not_pulled_is_not_replaced(hub: LocalHub, tmp_path: Path) -> None:
    built = build_small(tmp_path / "built")
    before = content(built)
    for part in ("qd", "coco"):
        with pytest.raises(UsageError, match="was not pulled"):
            get(hub, built, part)
    assert content(built) == before
    get(hub, tmp_path / "out", "qd")
    with pytest.raises(UsageError, match="pulled from ann/small"):
        get(hub, tmp_path / "out", repo="ann/original")
    build_examples(tmp_path / "out", "COCO")
    with pytest.raises(UsageError, match=r"coco2014_preprocessed\.jsonl is there, but was not pulled"):
        get(hub, tmp_path / "out", "coco")
    (tmp_path / "out" / "pulled.json").write_text("[]")
    with pytest.raises(UsageError, match="is not a record of a pull"):
        get(hub, tmp_path / "out", "qd")


def test_two_pulls_at_once_share_the_work(hub: LocalHub, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: get(hub, tmp_path, "qd"), range(3)))
    assert sorted(pulled.fetched for pulled in done) == [[], [], ["QD"]]
    assert downloads(hub).count(ARCHIVE) == 1


def test_a_hub_that_cannot_be_reached_and_nothing_in_the_cache(hub: LocalHub, tmp_path: Path) -> None:
    hub.answers["/api/datasets/"] = [503] * 50
    with pytest.raises(UnreachableError, match="503"):
        get(hub, tmp_path, "qd")


def test_a_pull_says_that_it_tries_again(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(remote, "download", partial(download, sleep=pauses.append))
    hub.answers[ARCHIVE] = [503, 503]
    said = StringIO()
    progress = Progress(console=Console(file=said, width=200), disable=True)
    Snapshot.open(HfApi(hub.url, token=False), REPO).fetch(ARCHIVE, tmp_path, progress)
    assert len(pauses) == 2
    assert said.getvalue().count("Trying again in") == 2
    assert "503" in said.getvalue()
