from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi

from builders.hub.client import HubError, UnreachableError, connect
from builders.hub.publish import Upload, prepare, upload
from cli import main
from proactivebench.errors import UsageError
from tests.support.example_benchmark import build_examples
from tests.support.hub_store import Blob, LocalHub, Repo
from tests.support.publishing import REPO, TOKEN, publish


def sent(done: Upload) -> set[str]:
    return {file.path for file in done.sent}


def test_the_repository_holds_the_published_layout_byte_by_byte(hub: LocalHub, data: Path) -> None:
    done = publish(hub, data)
    repo = hub.repos[REPO]
    assert not repo.private
    assert sent(done) | {".gitattributes"} == set(repo.files)
    assert {
        "README.md", "croissant.json", "eval.yaml", "manifest.json",
        "test/QuickDraw.zip", "test/QuickDraw_preprocessed.jsonl",
        "test/coco2014.zip", "test/coco2014_preprocessed.jsonl", "viewer/QuickDraw.parquet", "viewer/coco2014.parquet",
        "data/train-00000-of-00001.parquet",
        "manifest/QuickDraw.jsonl", "manifest/coco2014.jsonl", "manifest/train.jsonl",
    } == sent(done)  # fmt: skip
    for path in sent(done):
        assert repo.files[path].data == (data / path).read_bytes()
    assert {path for path, blob in repo.files.items() if blob.large} == {
        path for path in sent(done) if path.endswith((".zip", ".parquet"))
    }


def test_nothing_is_sent_twice_and_only_what_changed(hub: LocalHub, data: Path) -> None:
    publish(hub, data)
    commits = len(hub.repos[REPO].commits)
    again = publish(hub, data)
    assert (again.sent, again.removed, again.unchanged) == ([], [], 14)
    assert len(hub.repos[REPO].commits) == commits
    (data / "kept_ids.json").write_text(json.dumps({"QuickDraw": [0, 2]}))
    hub.uploaded.clear()
    changed = publish(hub, data)
    assert sent(changed) == {"kept_ids.json", "viewer/QuickDraw.parquet", "README.md", "croissant.json"}
    assert hub.uploaded == [hub.repos[REPO].files["viewer/QuickDraw.parquet"].sha256]


def test_a_file_that_somebody_else_changed_is_put_right(hub: LocalHub, data: Path) -> None:
    publish(hub, data)
    hub.repos[REPO].put("test/QuickDraw_preprocessed.jsonl", b"{}\n")
    hub.repos[REPO].put("viewer/coco2014.parquet", None)
    assert sent(publish(hub, data)) == {"test/QuickDraw_preprocessed.jsonl", "viewer/coco2014.parquet"}


def test_an_upload_that_was_cut_off_goes_on_and_readers_see_nothing_of_it(hub: LocalHub, data: Path) -> None:
    hub.answers["/commit/"] = [503]
    with pytest.raises(UnreachableError, match="503"):
        publish(hub, data)
    assert list(hub.repos[REPO].files) == [".gitattributes"]
    arrived = list(hub.uploaded)
    assert len(arrived) == 5
    publish(hub, data)
    assert hub.uploaded == arrived
    assert "test/QuickDraw.zip" in hub.repos[REPO].files


def test_a_connection_that_breaks_during_an_upload_is_taken_up_again(hub: LocalHub, data: Path) -> None:
    hub.breaks["/large/"] = [1000]
    publish(hub, data)
    assert hub.repos[REPO].files["test/QuickDraw.zip"].data == (data / "test" / "QuickDraw.zip").read_bytes()


def test_files_of_strangers_stay_and_those_of_an_earlier_publication_go(hub: LocalHub, data: Path) -> None:
    hub.repos[REPO] = Repo(REPO)
    hub.repos[REPO].commit("mine", {"notes.txt": Blob(b"keep me", large=False)})
    publish(hub, data)
    shutil.rmtree(data / "data")
    assert publish(hub, data).removed == ["data/train-00000-of-00001.parquet", "manifest/train.jsonl"]
    assert hub.repos[REPO].files["notes.txt"].data == b"keep me"
    assert "data/train-00000-of-00001.parquet" not in hub.repos[REPO].files


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("hf_unknownToAll", "does not exist, or you are not logged in"),
        ("hf_readsOnly", "your token may not do this"),
        ("hf_bobs", "your token may not do this"),
    ],
)
def test_who_may_not_write_is_told_so_without_the_token(hub: LocalHub, data: Path, token: str, said: str) -> None:
    with pytest.raises(HubError, match=said) as caught:
        publish(hub, data, token)
    assert token not in str(caught.value)
    assert REPO not in hub.repos


def test_a_server_that_repeats_the_token_does_not_bring_it_into_a_message(hub: LocalHub, data: Path) -> None:
    hub.answers["/repos/create"] = [400]
    with pytest.raises(HubError, match=r"Bearer \*\*\*") as caught:
        publish(hub, data)
    assert TOKEN not in str(caught.value)


def test_private_is_private_or_nothing_happens(hub: LocalHub, data: Path) -> None:
    publish(hub, data, private=True)
    assert hub.repos[REPO].private
    hub.repos[REPO].private = False
    before = len(hub.repos[REPO].commits)
    with pytest.raises(UsageError, match="exists already and is public"):
        publish(hub, data, private=True)
    assert len(hub.repos[REPO].commits) == before


@pytest.mark.parametrize("name", ["small", "ann/small/more", "ann/../small", ""])
def test_a_name_that_is_none_is_refused(data: Path, name: str) -> None:
    with pytest.raises(UsageError, match="expected USER/NAME"):
        prepare(data, name, "http://hub")


def test_a_hub_that_is_not_there(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    publication = prepare(data, REPO, "http://ann:passw0rd@hub")
    assert publication.address == f"http://hub/datasets/{REPO}"
    assert not any("passw0rd" in (data / name).read_text() for name in ("README.md", "croissant.json"))
    with pytest.raises(UnreachableError, match="cannot be reached"):
        upload(HfApi(f"http://127.0.0.1:{port}", token=TOKEN), publication)


def test_a_training_split_of_unknown_origin_is_refused(data: Path) -> None:
    shutil.copy(data / "data" / "train-00000-of-00001.parquet", data / "data" / "train-extra.parquet")
    with pytest.raises(UsageError, match=r"training split that is not the one of"):
        prepare(data, REPO, "http://hub")


def test_missing_libraries_are_named_with_the_way_to_get_them(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlcroissant", None)
    (data / "croissant.json").unlink()
    with pytest.raises(UsageError, match=r"needs mlcroissant: pip install 'proactivebench-toolkit\[hub\]'"):
        prepare(data, REPO, "http://hub")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"huggingface_hub.*proactivebench-toolkit\[hub\]"):
        connect()


def test_the_command_refuses_before_anything_is_written(tmp_path: Path) -> None:
    data = build_examples(tmp_path / "data", "ROD")
    result = CliRunner().invoke(main, ["publish", str(data), "--repo", REPO, "--dry-run"])
    assert result.exit_code == 2
    assert "Realistic Occlusion Dataset" in result.stderr
    assert not (data / "README.md").exists()
    cleared = CliRunner().invoke(
        main, ["publish", str(data), "--repo", REPO, "--dry-run", "--i-have-the-rights", "rod"]
    )
    assert cleared.exit_code == 0
    assert "states to have the right to share the pictures of Realistic" in (data / "README.md").read_text()


def test_a_dry_run_names_every_file_and_needs_no_network(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*args: object) -> None:
        raise AssertionError("there is no network in a dry run")

    monkeypatch.setattr(socket.socket, "connect", connect)
    result = CliRunner().invoke(main, ["publish", str(data), "--repo", REPO, "--dry-run"], catch_exceptions=False)
    assert result.exit_code == 0
    for path in ("README.md", "croissant.json", "test/QuickDraw.zip", "viewer/coco2014.parquet", "manifest.json"):
        assert f"  {path}  " in result.stderr
    assert "Nothing was uploaded. https://huggingface.co/datasets/ann/small would hold 14 files" in result.stderr


def test_a_scenario_alone_is_published_without_what_may_not_be_shared(tmp_path: Path) -> None:
    data = build_examples(build_examples(tmp_path / "data", "ROD"), "QD")
    command = ["publish", str(data), "--repo", REPO, "--dry-run"]
    assert CliRunner().invoke(main, command).exit_code == 2
    result = CliRunner().invoke(main, [*command, "--scenario", "quickdraw"])
    assert result.exit_code == 0, result.output
    assert "would hold 8 files" in result.stderr
    assert "Realistic" not in (data / "README.md").read_text()
    missing = CliRunner().invoke(main, [*command, "--scenario", "coco"])
    assert f"{data} does not contain COCO; it has ROD, QD." in missing.stderr
