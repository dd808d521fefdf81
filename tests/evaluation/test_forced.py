"""Mode `forced` (a category on every frame on the way), and what control settings show after a suggestion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from proactivebench import prompts
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Request
from proactivebench.models.load import ModelOptions, load_model
from proactivebench.models.scripted import ScriptedModel
from proactivebench.scenarios import QD, get_scenario, is_abstention, make_environment
from proactivebench.scenarios.check import way_to_reference
from proactivebench.views import Grey, View
from tests.support.all_scenarios import Answering, four_samples_each, play
from tests.support.small_benchmark import build_small


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    return four_samples_each(tmp_path / "data")


def test_every_frame_on_the_way_is_asked_about_without_suggestions(benchmark: Benchmark, tmp_path: Path) -> None:
    asked: dict[tuple[str, int], list[Request]] = {}

    def answer(request: Request) -> str:
        here = request.environment
        assert here is not None
        assert len(request.messages) == 1
        assert here.options == here.sample.categories
        text = prompts.multiple_choice(here.question(), here.sample.categories, short_answer=True)
        assert request.messages[-1].text == text
        asked.setdefault((here.sample.scenario.name, here.sample.id), []).append(request)
        return here.sample.answer

    metrics = play(benchmark, Answering(answer), tmp_path / "run", mode="forced")
    for episode in read_episodes(tmp_path / "run"):
        sample = next(one for one in benchmark.samples(get_scenario(episode.scenario)) if one.id == episode.id)
        way = way_to_reference(make_environment(sample))
        assert way
        assert len(episode.turns) == len(way) + 1 == len(asked[episode.scenario, episode.id])
        assert episode.correct
        assert [turn.category == "correct" for turn in episode.turns] == [
            episode.scenario != "ROD" or number > 0 for number in range(len(episode.turns))
        ], "on ROD nothing counts in the first turn"
    assert all("psr" not in scores and scores["acc"] == 1 for scores in metrics["scenarios"].values())


def test_the_oracle_knows_at_the_end_alone(benchmark: Benchmark, tmp_path: Path) -> None:
    metrics = play(benchmark, ScriptedModel("oracle"), tmp_path / "run", mode="forced", repeats=20)
    assert all(scores["acc"] == 1 for scores in metrics["scenarios"].values())
    assert all(scores["first_turn_acc"] < 0.6 for scores in metrics["scenarios"].values())


@pytest.mark.parametrize("control", ["blank", "same"])
def test_controls_keep_the_next_frame_back(benchmark: Benchmark, tmp_path: Path, control: str) -> None:
    pictures: dict[tuple[str, int], list[tuple[Path, View | None]]] = {}

    def answer(request: Request) -> str:
        here, picture = request.environment, request.messages[-1].picture
        assert here is not None
        assert picture is not None
        pictures.setdefault((here.sample.scenario.name, here.sample.id), []).append((picture.path, picture.view))
        asks = [text for text in here.accepted if not is_abstention(text)]
        return asks[0] if asks and here.turn < 2 else here.sample.answer

    play(benchmark, Answering(answer), tmp_path / "run", control=control)
    for first, *later in pictures.values():
        assert later
        if control == "same":
            assert set(later) == {first}
        else:
            assert all(isinstance(view, Grey) for _, view in later)
            assert not isinstance(first[1], Grey)
    for episode in read_episodes(tmp_path / "run"):
        assert [turn.grey for turn in episode.turns[1:]] == [control == "blank"] * (len(episode.turns) - 1)


@pytest.mark.parametrize("settings", [{"control": "same"}, {"history": True}, {"shots": 1}])
def test_forced_answers_stand_alone(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Settings(mode="forced", **settings)


def test_models_of_transformers_say_how_probable_their_answers_are(
    model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    benchmark = Benchmark.open(build_small(tmp_path / "data"))
    found: dict[int, list[float]] = {}
    for size in (1, 8):
        model = load_model(f"hf:{model_folder('qwen2_5_vl')}", ModelOptions(batch_size=size, max_new_tokens=4))
        play(benchmark, model, tmp_path / f"run{size}", [QD], mode="forced")
        found[size] = [turn.confidence or -1 for one in read_episodes(tmp_path / f"run{size}") for turn in one.turns]
    assert all(0 <= value <= 1 for value in found[1])
    assert sorted(found[1]) == pytest.approx(sorted(found[8]), abs=2e-4)
