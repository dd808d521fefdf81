"""`experiments.learn_to_ask.asking`: what is learned from, and what its figures rest on."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trl")

import torch
from PIL import Image

from commands.evaluate import filter_
from experiments.learn_to_ask import data
from experiments.learn_to_ask.asking import GUESSER, Recipe, hindsight, learn
from experiments.learn_to_ask.beside import curves, described, play, scores
from experiments.learn_to_ask.fair import GUESSERS, SHARE, Guessers
from experiments.learn_to_ask.last_layer import LastLayer, returns
from experiments.learn_to_ask.plot_asking import asking_table, draw_asking
from experiments.learn_to_ask.stages import Stages, _look, _tokens, make_stages, read, resembling
from proactivebench import prompts
from proactivebench.models.checkpoints import Checkpoint, load_checkpoint


@pytest.fixture(scope="module")
def guesser() -> Checkpoint:
    return load_checkpoint(GUESSER, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def stages(guesser: Checkpoint) -> Stages:
    return make_stages(guesser, read(data.BUNDLED, 0, 1))


def test_the_last_layer_says_what_the_model_says(guesser: Checkpoint, stages: Stages) -> None:
    decoder, states = guesser.network.model.language_model, stages.asked[:8].float()
    layers = decoder.layers
    with torch.inference_mode():
        decoder.layers = layers[-1:]
        whole = decoder(inputs_embeds=states, use_cache=False).last_hidden_state[:, -1]
        decoder.layers = layers
        assert torch.allclose(LastLayer(guesser)(states), guesser.network.lm_head(whole).log_softmax(-1), atol=1e-4)


def test_states_lead_to_what_the_model_says_of_a_picture(guesser: Checkpoint, stages: Stages) -> None:
    frames = stages.frames[[0, stages.lengths[0] - 1]]
    options = ["Add more details to the drawing.", "I do not know.", "Cat.", "Bus.", "House.", "Star."]
    both = [
        prompts.multiple_choice("Which object is being drawn here?", shown, short_answer=True)
        for shown in (options, options[2:])
    ]
    pictures = [Image.fromarray(frame).convert("RGB") for frame in frames]
    seen = guesser.processor.image_processor(pictures, return_tensors="pt").pixel_values
    for text, states in zip(both, _look(guesser, frames, [both, both]), strict=True):
        with torch.inference_mode():
            logits = guesser.network(input_ids=_tokens(guesser, [text, text]), pixel_values=seen).logits[:, -1]
            assert torch.allclose(LastLayer(guesser)(states), logits.log_softmax(-1), atol=0.02)
        assert not torch.allclose(logits[0], logits[1], atol=0.1), "or pictures make no difference"


def test_what_is_learned_can_be_put_back(guesser: Checkpoint, stages: Stages) -> None:
    learned = LastLayer(guesser)
    with torch.no_grad():
        for weights in [*learned.layer.parameters(), *learned.norm.parameters()]:
            weights.mul_(1.1)
    model = replace(guesser, network=copy.deepcopy(guesser.network))
    states = stages.asked[:4]
    with torch.inference_mode():
        assert not torch.allclose(LastLayer(model)(states), learned(states))
        learned.put_back(model)
        assert torch.allclose(LastLayer(model)(states), learned(states))


def test_an_episode_ends_with_the_first_name_or_without_one() -> None:
    class Told(LastLayer):
        """Says what stands in a table: suggestion, four names, whatever is most probable."""

        def __init__(self, asked: list[list[float]]) -> None:
            torch.nn.Module.__init__(self)
            self._asked = torch.tensor(asked)

        def probabilities(self, stages: Stages) -> Iterator[torch.Tensor]:
            yield self._asked
            yield self._asked

    ask, right, wrong = [0.6, 0.3, 0.1, 0, 0, 0.6], [0.2, 0.7, 0.1, 0, 0, 0.7], [0.2, 0.1, 0.7, 0, 0, 0.7]
    nothing = [0.2, 0.1, 0.1, 0, 0, 0.5]  # most probable is another word
    nowhere = torch.zeros(0)
    stages = Stages(nowhere, nowhere, nowhere, [3, 2, 2, 1], [0] * 4, np.zeros((8, 1, 1), np.uint8))
    played = play(Told([ask, ask, right, wrong, right, ask, ask, nothing]), stages)
    assert played.correct.tolist() == [1, 0, 0, 0]
    assert played.asked.tolist() == [2, 0, 1, 0]
    assert played.forced[0].right == (True, True, True) and played.forced[2].right == (True, True)
    assert played.forced[0].confidence == pytest.approx((0.3, 0.3, 0.7))


def test_the_guessers_filter_as_the_benchmark_does() -> None:
    [option] = [option for option in filter_.params if option.name == "threshold"]
    assert option.default == SHARE
    assert len(GUESSERS) == len(set(GUESSERS)) == 6


def test_what_an_episode_returns() -> None:
    ask, name = torch.tensor([0.9, 0.7, 0.2, 0.6, 0.9]), torch.tensor([0.1, 0.1, 0.4, 0.2, 0.0])
    # The last frame of the first drawing asks, which costs and ends it; the one before it names.
    assert returns(ask, name, [4, 1], 0.1).tolist() == pytest.approx([0.3, 0.4, -0.1, 0.0, 0.0])


def test_in_hindsight_one_asks_where_a_later_name_is_worth_the_way() -> None:
    right = torch.tensor([0.3, 0.2, 0.5, 0.9, 0.4])
    assert hindsight(right, [3, 2], 0.05).tolist() == [True, True, False, False, False]
    assert hindsight(right, [3, 2], 0.15).tolist() == [False, True, False, False, False]


def test_resembling_names_are_others(guesser: Checkpoint) -> None:
    near = resembling(guesser)
    assert all(name not in others and len(set(others)) == 20 for name, others in near.items())


def test_learning_and_measuring(guesser: Checkpoint, stages: Stages, tmp_path: Path) -> None:
    before = play(LastLayer(guesser), stages)
    recipe = Recipe(steps=60, drawings=4, hindsight=0.8, rate=3e-3)
    one, again = (learn(LastLayer(guesser), stages, recipe, 0) for _ in range(2))
    after = play(one, stages)
    assert np.array_equal(after.asked, play(again, stages).asked)
    assert after.asked.sum() > before.asked.sum()
    fair = Guessers(read(data.BUNDLED, 1, 4)).keep(guesser, stages)
    assert 0 < sum(fair) < len(fair) == len(stages.lengths)
    parts = {}
    for name, chosen in {"test, whole": [True] * len(fair), "resembling, filtered": fair}.items():
        seeds = [scores(after, before, chosen)]
        parts[name] = {
            "n": sum(chosen),
            "guesser": described([scores(before, before, chosen)]),
            "seeds": [described(seeds)],
            "mean": described(seeds),
            "curves": curves([after], before, chosen),
        }
    results = json.loads(json.dumps({"parts": parts}))
    mean = results["parts"]["test, whole"]["mean"]
    assert mean["acc"] == pytest.approx(after.correct.mean(), abs=1e-4)
    assert mean["over coin"] == pytest.approx(mean["acc"] - mean["coin"], abs=2e-4)
    assert asking_table(results).count("\n") == 3
    draw_asking(results, tmp_path / "asking.png")
    assert (tmp_path / "asking.png").stat().st_size > 10_000
