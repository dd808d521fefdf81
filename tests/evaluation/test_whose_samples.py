"""Which samples count: all of a benchmark made by hand; of data proven to be published, what their leak filter kept."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from proactivebench.benchmark import Benchmark, published_kept_ids
from proactivebench.errors import ProactiveBenchError
from proactivebench.evaluation.measured import CAVEAT
from proactivebench.evaluation.run_log import read_run
from proactivebench.models.scripted import ScriptedModel
from proactivebench.scenarios import QD
from tests.support.small_benchmark import build_small
from tests.support.small_runs import play


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return build_small(tmp_path / "data")


# Which leak filter applies.


def count(data: Path) -> int:
    return len(list(Benchmark.open(data).samples(QD)))


@pytest.fixture
def hand_made(tmp_path: Path) -> Path:
    data = build_small(tmp_path / "hand made", per_category=4)
    (data / "manifest.json").unlink()
    return data


def pulled_from(data: Path, repo: str) -> None:
    path = "test/QuickDraw_preprocessed.jsonl"
    digest = hashlib.sha256((data / path).read_bytes()).hexdigest()
    (data / "pulled.json").write_text(json.dumps({"repo": repo, "commit": "c0ffee" * 4, "files": {path: digest}}))


def test_a_hand_made_benchmark_is_played_whole(hand_made: Path) -> None:
    assert len(set(range(12)) - published_kept_ids()["QD"]) > 0
    assert count(hand_made) == 12
    assert Benchmark.open(hand_made).source is None


def test_the_published_list_applies_where_a_pull_proves_it(hand_made: Path, tmp_path: Path) -> None:
    pulled_from(hand_made, "ann/other")
    assert count(hand_made) == 12
    assert Benchmark.open(hand_made).source == "hub:ann/other@" + "c0ffee" * 4
    pulled_from(hand_made, "tdemin16/ProactiveBench")
    assert count(hand_made) == len(published_kept_ids()["QD"].intersection(range(12)))
    play(hand_made, ScriptedModel("guess"), tmp_path / "run")
    assert read_run(tmp_path / "run").data.source == "hub:tdemin16/ProactiveBench@" + "c0ffee" * 4
    with (hand_made / "test" / "QuickDraw_preprocessed.jsonl").open("a") as file:
        file.write("\n")
    assert count(hand_made) == 12, "somebody changed the samples"
    assert Benchmark.open(hand_made).source is None


def test_the_cache_of_the_hubs_client_proves_it_too(hand_made: Path, tmp_path: Path) -> None:
    samples = hand_made / "test" / "QuickDraw_preprocessed.jsonl"
    data = samples.read_bytes()
    place = tmp_path / "datasets--tdemin16--ProactiveBench"
    snapshot = place / "snapshots" / "abc" / "test"
    snapshot.mkdir(parents=True)
    (place / "blobs").mkdir()
    blob = place / "blobs" / hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    blob.write_bytes(data)
    (snapshot / samples.name).symlink_to(blob)
    assert Benchmark.open(snapshot.parent).source == "hub:tdemin16/ProactiveBench@abc"
    assert count(snapshot.parent) == len(published_kept_ids()["QD"].intersection(range(12)))
    blob.write_bytes(data + b"\n")
    assert count(snapshot.parent) == 12


def test_a_list_of_other_data_is_refused(data: Path) -> None:
    (data / "kept_ids.json").write_text('{"QD": [1, 77]}')
    with pytest.raises(ProactiveBenchError, match=r"kept_ids\.json keeps 1 QD samples that are not there, such as 77"):
        count(data)


def test_the_user_can_say_that_data_are_the_published_ones(hand_made: Path, data: Path) -> None:
    done = CliRunner().invoke(cli.main, ["filter", str(hand_made), "--published"])
    assert done.exit_code == 2
    assert "is not the published benchmark: it lacks 2,096 QD samples" in done.stderr
    samples = hand_made / "test" / "QuickDraw_preprocessed.jsonl"
    line = json.loads(samples.read_text().splitlines()[0])
    ids = range(max(published_kept_ids()["QD"]) + 1)
    samples.write_text("".join(json.dumps(line | {"id": number}) + "\n" for number in ids))
    assert count(hand_made) == len(ids)
    assert CliRunner().invoke(cli.main, ["filter", str(hand_made), "--published"]).exit_code == 0
    assert count(hand_made) == 2105
    for options in ([], ["--published", "--runs", str(data)]):
        assert CliRunner().invoke(cli.main, ["filter", str(hand_made), *options]).exit_code == 2


def test_a_command_says_which_leak_filter_applies(hand_made: Path, data: Path, tmp_path: Path) -> None:
    def said(folder: Path, number: int) -> str:
        command = ["evaluate", "--model", "scripted:guess", "--data", str(folder), "--out", str(tmp_path / str(number))]
        checked = CliRunner().invoke(cli.main, ["check", str(folder)]).stderr
        errors = CliRunner().invoke(cli.main, command).stderr
        assert ("leak filter" in errors) == ("leak filter" in checked)
        return errors

    assert "leak filter" not in said(data, 0)
    assert f"proactivebench filter {hand_made} --published" in said(hand_made, 1)
    pulled_from(hand_made, "tdemin16/ProactiveBench")
    assert "by the published list: these are the published data" in said(hand_made, 2)
    (hand_made / "kept_ids.json").write_text('{"QD": [0, 3]}')
    assert "keeps QD 2, by kept_ids.json beside them" in said(hand_made, 3)


def test_every_table_says_on_what_it_was_measured(data: Path, tmp_path: Path) -> None:
    command = ["evaluate", "--model", "scripted:guess", "--data", str(data), "--out", str(tmp_path / "run")]
    printed = CliRunner().invoke(cli.main, command).stdout
    found = re.search(r"Measured on (data \(\w{8}\), all samples of QD); multiple choice\.", printed)
    assert found
    report = ["report", str(tmp_path / "run"), "--out", str(tmp_path / "report"), "--compare", "paper"]
    assert CAVEAT in CliRunner().invoke(cli.main, report).stderr
    for name in ("scores.md", "scores.tex", "scores.csv", "scores.json"):
        text = (tmp_path / "report" / "tables" / name).read_text()
        assert found[1] in text
        assert CAVEAT in text or name == "scores.csv"
    page = (tmp_path / "report" / "index.html").read_text()
    assert found[1] in page
    assert CAVEAT.replace("'", "&#39;") in page
    (data / "kept_ids.json").write_text('{"QD": [0, 3]}')
    command[-1] = str(tmp_path / "filtered")
    again = CliRunner().invoke(cli.main, command).stdout
    assert f"{found[1]} after the leak filter; multiple choice." in again
