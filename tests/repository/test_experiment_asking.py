"""`experiments.learn_to_ask.asking`: what is learned from, and what its figures rest on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trl")

import torch
from PIL import Image

from experiments.learn_to_ask import data
from experiments.learn_to_ask.asking import GUESSER, Recipe, hindsight, learn
from experiments.learn_to_ask.beside import curves, described, play, scores
from experiments.learn_to_ask.fair import Guessers
from experiments.learn_to_ask.last_layer import LastLayer, returns
from experiments.learn_to_ask.plot_asking import asking_table, draw_asking
from experiments.learn_to_ask.stages import Stages, _tokens, make_stages, read, resembling
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


def test_states_are_those_of_the_model_that_sees_a_picture(guesser: Checkpoint, stages: Stages) -> None:
    picture = Image.fromarray(stages.frames[0]).convert("RGB")
    seen = guesser.processor.image_processor(picture, return_tensors="pt").pixel_values
    text = "Which object is being drawn here? Choose from the following options. Options:\nA. Cat.\n"
    tokens = _tokens(guesser, [text])
    with torch.inference_mode():
        logits = guesser.network(input_ids=tokens, pixel_values=seen).logits
    assert logits.shape[1] == tokens.shape[1] > 16
    assert stages.asked.shape[0] == stages.forced.shape[0] == len(stages.frames) == sum(stages.lengths)


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
