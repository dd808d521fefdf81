from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from rich.console import Console
from rich.progress import Progress

from builders.hub import remote
from builders.hub.client import HubError, UnreachableError
from builders.hub.remote import Snapshot
from proactivebench.benchmark import Benchmark
from proactivebench.checking import check_benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.scenarios import QD
from raw_sources.base import SourceError
from raw_sources.download import download
from tests.support.hub_store import LocalHub
from tests.support.publishing import REPO, TOKEN
from tests.support.pulling import ARCHIVE, SAMPLES, TRAIN, content, downloads, get


def test_what_comes_back_is_what_was_published(mirror: LocalHub, published: Path, tmp_path: Path) -> None:
    done = get(mirror, tmp_path / "out")
    assert (done.fetched, done.up_to_date) == (["QD", "COCO"], [])
    assert done.commit == mirror.repos[REPO].commits[-1][0]
    came, built = content(tmp_path / "out"), content(published)
    assert {path for path in came if path.startswith("test/")} == {
        path for path in built if path.startswith("test/") and not path.endswith(".zip")
    }
    assert all(came[path] == built[path] for path in came if path.startswith(("test/", "manifest")))
    assert TRAIN not in came
    with Progress(disable=True) as progress:
        assert check_benchmark(tmp_path / "out", progress).problems == []


def test_only_what_is_asked_for_is_downloaded(mirror: LocalHub, tmp_path: Path) -> None:
    get(mirror, tmp_path, "coco")
    files = {"manifest/coco2014.jsonl", "test/coco2014_preprocessed.jsonl", "test/coco2014.zip"}
    assert set(downloads(mirror)) == {"manifest.json", *files}
    assert [scenario.name for scenario in Benchmark.open(tmp_path).scenarios] == ["COCO"]
    with Progress(disable=True) as progress:
        assert check_benchmark(tmp_path, progress).problems == []
    assert get(mirror, tmp_path, "train").fetched == ["train"]
    assert (tmp_path / TRAIN).read_bytes() == b"rows"
    done = get(mirror, tmp_path)
    assert (done.fetched, done.up_to_date) == (["QD"], ["COCO"])
    assert get(mirror, tmp_path, "Train").up_to_date == ["train"]
    assert list(json.loads((tmp_path / "manifest.json").read_bytes())["scenarios"]) == ["COCO", "QD"]


def test_a_second_pull_gets_what_changed_and_nothing_else(mirror: LocalHub, tmp_path: Path) -> None:
    get(mirror, tmp_path)
    mirror.requests.clear()
    assert get(mirror, tmp_path).fetched == []
    assert downloads(mirror) == []
    lines = mirror.repos[REPO].files[SAMPLES].data.splitlines(keepends=True)
    manifest = json.loads(mirror.repos[REPO].files["manifest.json"].data)
    manifest["scenarios"]["QD"]["files"][SAMPLES]["bytes"] = len(lines[0])
    mirror.repos[REPO].put("manifest.json", json.dumps(manifest).encode())
    mirror.repos[REPO].put(SAMPLES, lines[0])
    mirror.repos[REPO].put("kept_ids.json", b'{"QuickDraw": [0]}')
    assert get(mirror, tmp_path).fetched == ["QD"]
    assert set(downloads(mirror)) == {"manifest.json", "manifest/QuickDraw.jsonl", SAMPLES, ARCHIVE, "kept_ids.json"}
    assert len(list(Benchmark.open(tmp_path).samples(QD))) == 1
    mirror.repos[REPO].put("kept_ids.json", None)
    get(mirror, tmp_path)
    assert not (tmp_path / "kept_ids.json").exists()


def test_an_older_revision(mirror: LocalHub, tmp_path: Path) -> None:
    first = mirror.repos[REPO].commits[-1][0]
    mirror.repos[REPO].tags["v1"] = first
    mirror.repos[REPO].put(SAMPLES, b"not even JSON\n")
    assert get(mirror, tmp_path / "tag", "qd", revision="v1").commit == first
    assert get(mirror, tmp_path / "commit", "qd", revision=first).commit == first


def test_a_repository_like_the_original(mirror: LocalHub, tmp_path: Path) -> None:
    assert get(mirror, tmp_path, repo="ann/original").fetched == ["QD"]
    benchmark = Benchmark.open(tmp_path)
    assert not benchmark.is_ours
    assert len(list(benchmark.samples(QD, filtered=False))) == 6


def test_a_download_that_broke_goes_on_where_it_stopped(mirror: LocalHub, tmp_path: Path) -> None:
    size = len(mirror.repos[REPO].files[ARCHIVE].data)
    get(mirror, tmp_path / "whole", "qd")
    expected, mirror.sent = mirror.sent, 0
    mirror.breaks[ARCHIVE] = [size // 2]
    mirror.answers[ARCHIVE] = []

    def vanish_after_the_break() -> None:
        mirror.answers[ARCHIVE] = [404]

    mirror.after_break = vanish_after_the_break
    with pytest.raises(SourceError, match="404"):
        get(mirror, tmp_path / "out", "qd")
    assert not (tmp_path / "out" / SAMPLES).exists()
    small = expected - size
    assert mirror.sent == small + size // 2
    get(mirror, tmp_path / "out", "qd")
    assert mirror.sent == expected
    assert content(tmp_path / "out" / "test") == content(tmp_path / "whole" / "test")
    assert not (tmp_path / "out" / ".pull").exists()


def test_a_training_split_that_changed_leaves_no_old_files(mirror: LocalHub, tmp_path: Path) -> None:
    get(mirror, tmp_path, "train")
    (tmp_path / "data" / "mine.txt").write_text("keep me")
    mirror.repos[REPO].put(TRAIN, None)
    mirror.repos[REPO].put("data/train-00000-of-00002.parquet", b"one")
    mirror.repos[REPO].put("data/train-00001-of-00002.parquet", b"two")
    assert get(mirror, tmp_path, "train").fetched == ["train"]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "mine.txt",
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]


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
    mirror: LocalHub, tmp_path: Path, repo: str, parts: tuple[str, ...], options: dict[str, str], said: str
) -> None:
    with pytest.raises(ProactiveBenchError, match=said) as caught:
        get(mirror, tmp_path / "out", *parts, repo=repo, **options)
    assert "hf_wrongOne" not in str(caught.value)
    assert not (tmp_path / "out" / "test").exists()


@pytest.mark.parametrize(("repo", "part"), [("x", "qd"), ("a b/c", "qd"), (REPO, "mars")])
def test_names_are_checked_before_the_hub_is_asked(mirror: LocalHub, tmp_path: Path, repo: str, part: str) -> None:
    mirror.requests.clear()
    with pytest.raises(UsageError, match=r"expected USER/NAME|There is no scenario"):
        get(mirror, tmp_path / "out", part, repo=repo)
    assert not mirror.requests
    assert not (tmp_path / "out").exists()


def test_a_private_repository_is_for_its_owner(mirror: LocalHub, tmp_path: Path) -> None:
    mirror.repos[REPO].private = True
    with pytest.raises(HubError, match="this data set does not exist"):
        get(mirror, tmp_path, "qd")
    assert get(mirror, tmp_path, "qd", token=TOKEN).fetched == ["QD"]
    assert not any(TOKEN.encode() in data for data in content(tmp_path).values())


def test_conditions_that_nobody_accepted(mirror: LocalHub, tmp_path: Path) -> None:
    mirror.repos[REPO].gated = True
    with pytest.raises(HubError, match="accept conditions"):
        get(mirror, tmp_path, "qd")


def test_two_pulls_at_once_share_the_work(mirror: LocalHub, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: get(mirror, tmp_path, "qd"), range(3)))
    assert sorted(pulled.fetched for pulled in done) == [[], [], ["QD"]]
    assert downloads(mirror).count(ARCHIVE) == 1


def test_a_hub_that_cannot_be_reached_and_nothing_in_the_cache(mirror: LocalHub, tmp_path: Path) -> None:
    mirror.answers["/api/datasets/"] = [503] * 50
    with pytest.raises(UnreachableError, match="503"):
        get(mirror, tmp_path, "qd")


def test_a_pull_says_that_it_tries_again(mirror: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(remote, "download", partial(download, sleep=pauses.append))
    mirror.answers[ARCHIVE] = [503, 503]
    said = StringIO()
    progress = Progress(console=Console(file=said, width=200), disable=True)
    Snapshot.open(HfApi(mirror.url, token=False), REPO).fetch(ARCHIVE, tmp_path, progress)
    assert len(pauses) == 2
    assert said.getvalue().count("Trying again in") == 2
    assert "503" in said.getvalue()
