"""A run is one benchmark's: its samples, its pictures, and what its leak filter kept."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from rich.progress import Progress

from proactivebench.errors import UsageError
from proactivebench.evaluation.comparison import compare_runs
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.settings import Settings
from proactivebench.frames import Frames
from proactivebench.images import ChangedPictureError, load_picture
from proactivebench.models.base import Model, Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.report import write_report
from proactivebench.reports.runs import load_runs
from proactivebench.scenarios import make_environment
from proactivebench.scenarios.environment import Environment
from tests.support.all_scenarios import ALL, four_samples_each
from tests.support.small_benchmark import build_small
from tests.support.small_runs import play


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return build_small(tmp_path / "data")


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def redden(data: Path) -> None:
    for frame in data.rglob("*.png"):
        Image.new("L", Image.open(frame).size, 128).save(frame)


class Seeing(Model):
    """Looks at every picture and abstains; something may happen after a number of replies."""

    concurrency = 1

    def __init__(self, after: int = -1, event: object = None):
        self._left, self._event = after, event

    async def reply(self, request: Request) -> str:
        picture = request.messages[-1].picture
        assert picture is not None
        load_picture(picture)
        self._left -= 1
        if self._left == 0:
            self._event()  # type: ignore[operator]
        return "I cannot tell."

    def identity(self) -> dict[str, object]:
        return {"model": "seeing"}


def test_other_pictures_under_a_finished_run_are_refused(data: Path, tmp_path: Path) -> None:
    run = play(data, ScriptedModel("guess"), tmp_path / "run")
    play(data, ScriptedModel("guess"), run)
    redden(data)
    with pytest.raises(UsageError, match=r"other data\.frames\.QD\."):
        play(data, ScriptedModel("guess"), run)


def test_a_picture_that_changes_under_a_run_ends_it(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ChangedPictureError, match=r"png was changed since the run began"):
        play(data, Seeing(3, lambda: redden(data)), tmp_path / "run")
    assert len(list(read_episodes(tmp_path / "run"))) == 3
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_samples_that_change_under_a_run_end_it(data: Path, tmp_path: Path) -> None:
    samples = data / "test" / "QuickDraw_preprocessed.jsonl"
    with pytest.raises(UsageError, match=r"was changed while it was played.*Delete"):
        play(data, Seeing(3, lambda: samples.write_bytes(samples.read_bytes() + b"\n")), tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_a_picture_that_was_missing_may_not_turn_up_in_the_middle(data: Path, tmp_path: Path) -> None:
    frame = max(data.rglob("0000.png"))
    away = frame.rename(tmp_path / "away.png")
    with pytest.raises(ChangedPictureError, match=r"png was changed since the run began"):
        play(data, Seeing(1, lambda: away.rename(frame)), tmp_path / "run")


def test_samples_moved_with_their_pictures_are_the_same_data(data: Path, tmp_path: Path) -> None:
    run = play(data, ScriptedModel("guess"), tmp_path / "run")
    shutil.copytree(data, tmp_path / "elsewhere")
    shutil.rmtree(data)
    play(tmp_path / "elsewhere", ScriptedModel("guess"), run)


def test_runs_on_other_pictures_neither_compare_nor_share_a_report(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "red")
    redden(tmp_path / "red")
    runs = (
        play(data, ScriptedModel("guess"), tmp_path / "a"),
        play(tmp_path / "red", ScriptedModel("ask"), tmp_path / "b"),
    )
    with pytest.raises(UsageError, match="different benchmarks: their QD has other pictures"):
        compare_runs(*runs)
    with pytest.raises(UsageError, match="different benchmarks: their QD has other pictures"):
        load_runs(runs)


def test_runs_after_different_leak_filters_share_no_report(data: Path, tmp_path: Path) -> None:
    first = play(data, ScriptedModel("guess"), tmp_path / "a")
    (data / "kept_ids.json").write_text('{"QD": [0, 3]}')
    second = play(data, ScriptedModel("ask"), tmp_path / "b")
    with pytest.raises(UsageError, match="QD has other samples after the leak filter"):
        load_runs([first, second])
    found = compare_runs(first, second)
    assert [(name, after is None) for name, _, after in found.settings] == [("kept_ids.QD", False)]
    whole = play(data, ScriptedModel("ask"), tmp_path / "c", Settings(filtered=False))
    assert len(load_runs([second, whole])) == 2, "filtered or not are two settings, which have a table each"


@pytest.mark.usefixtures("unprinted_plots")
def test_a_report_shows_no_pictures_but_those_that_the_run_saw(data: Path, tmp_path: Path) -> None:
    run = play(data, ScriptedModel("guess"), tmp_path / "run")
    redden(data)
    runs = load_runs([run])
    assert runs[0].frames is None
    with Progress(disable=True) as progress:
        assert write_report(runs, tmp_path / "report", progress) == 6
    assert not list((tmp_path / "report" / "pictures").rglob("*.webp"))


@pytest.mark.usefixtures("unprinted_plots")
@pytest.mark.parametrize("link", [False, True])
def test_a_strangers_run_shows_nothing_from_elsewhere(data: Path, tmp_path: Path, link: bool) -> None:
    run = play(data, ScriptedModel("guess"), tmp_path / "run")
    private = tmp_path / "private.png"
    Image.new("L", (9, 9)).save(private)
    image = "../../private.png"
    if link:
        image = "QuickDraw/private.png"
        (data / "test" / image).symlink_to(private)
    lines = [json.loads(line) for line in (run / "episodes.jsonl").read_text().splitlines()]
    for line, named in zip(lines, [image, str(private)], strict=False):
        line["turns"][0]["frame_path"] = named
    (run / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Progress(disable=True) as progress:
        assert write_report(load_runs([run]), tmp_path / "report", progress) == 2
    assert len(list((tmp_path / "report" / "pictures").rglob("*.webp"))) == 4


def test_frames_are_listed_without_playing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def visited(environment: Environment) -> set[str]:
        """What always asking for what is right leads to, reply by reply."""
        paths, waiting, seen = set(), [environment], set()
        while waiting:
            here = waiting.pop()
            place = here.frame_path(), here.crop(), here.turn
            if place not in seen:
                seen.add(place)
                paths.add(here.frame_path())
                for suggestion in here.accepted:
                    after = copy.copy(here)
                    after.step(suggestion)
                    waiting += [] if after.done else [after]
        return paths

    benchmark = four_samples_each(tmp_path)
    played = {
        scenario.name: sorted(
            {
                path
                for sample in benchmark.samples(scenario, filtered=False)
                for path in (make_environment(sample, reference=True).frame_path(), *visited(make_environment(sample)))
            }
        )
        for scenario in ALL
    }
    monkeypatch.setattr(Environment, "step", lambda *_: pytest.fail("a reply was read"))
    described = {name: [(path, digest(benchmark.frame(path))) for path in paths] for name, paths in played.items()}
    assert Frames.of(benchmark, ALL).identity() == {
        name: hashlib.sha256(json.dumps(pairs).encode()).hexdigest() for name, pairs in described.items()
    }
