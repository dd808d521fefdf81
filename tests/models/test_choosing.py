"""Tokens are chosen as transformers chooses them; the reference is `generate` itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from proactivebench.models import choosing  # noqa: E402
from proactivebench.models.checkpoints import load_checkpoint  # noqa: E402
from proactivebench.models.choosing import GumbelNoise, cut_off, drawing, effective, generated, generation_settings  # noqa: E402

OWN: list[dict[str, Any]] = [
    {},
    {"temperature": 0.6, "top_p": 0.9, "top_k": 20},
    {"top_k": 0},
    {"top_k": 5, "repetition_penalty": 1.3},
    {"min_p": 0.05, "temperature": 1.7},
    {"typical_p": 0.4},
    {"epsilon_cutoff": 0.004, "top_k": 0},
    {"eta_cutoff": 0.01, "no_repeat_ngram_size": 2},
    {"suppress_tokens": [7, 8, 9], "top_p": 0.5},
    {"num_beams": 3, "num_return_sequences": 2},
]


@pytest.fixture
def network(text_model: Path) -> Any:
    return load_checkpoint(str(text_model), device="cpu").network


def batch() -> dict[str, Any]:
    tokens = torch.arange(30, 54).reshape(2, 12)
    mask = torch.ones_like(tokens)
    tokens[0, :5] = mask[0, :5] = 0
    return {"input_ids": tokens, "attention_mask": mask}


@pytest.mark.parametrize("own", OWN, ids=str)
def test_the_distribution_is_that_of_do_sample(
    network: Any, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = transformers.GenerationConfig(**own, eos_token_id=2)
    plain = {name: value for name, value in own.items() if not name.startswith("num_")}  # one text, no beams
    reference = network.generate(
        **batch(),
        generation_config=transformers.GenerationConfig(**plain, eos_token_id=2, pad_token_id=0),
        do_sample=True,
        max_new_tokens=1,
        output_scores=True,
        return_dict_in_generate=True,
    )
    warped = []

    def watch(self: Any, input_ids: Any, scores: Any) -> Any:
        warped.append(scores)
        return scores

    monkeypatch.setattr(choosing.GumbelNoise, "__call__", watch)
    settings = generation_settings(config, sample=True, pad=0, max_new_tokens=1)
    tokens = network.generate(**batch(), generation_config=settings, custom_generate=drawing([1, 2]))
    assert tokens.shape == (2, 13)
    [ours], [theirs] = warped, reference.scores
    assert torch.equal(ours.softmax(-1), theirs.softmax(-1))


@pytest.mark.parametrize("own", OWN, ids=str)
def test_greedy_is_that_of_transformers(network: Any, own: dict[str, Any]) -> None:
    config = transformers.GenerationConfig(**own | {"do_sample": True}, eos_token_id=2)
    settings = generation_settings(config, sample=False, pad=0, max_new_tokens=8)
    ones = {"num_beams": 1, "num_return_sequences": 1}
    reference = network.generate(
        **batch(), generation_config=config, do_sample=False, max_new_tokens=8, pad_token_id=0, **ones
    )
    assert torch.equal(network.generate(**batch(), generation_config=settings, custom_generate=None), reference)


@pytest.mark.parametrize(
    "left_over",
    [
        {"max_time": 1e-9},
        {"max_length": 5},
        {"stop_strings": ["a"]},
        {"num_beams": 4, "length_penalty": 0.1},
        {"num_return_sequences": 2, "do_sample": True},
        {"penalty_alpha": 0.6, "top_k": 4},
        {"prompt_lookup_num_tokens": 3},
        {"return_dict_in_generate": True},
        {"max_new_tokens": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("sample", [False, True])
def test_settings_left_in_a_model_do_not_make_another_procedure(
    text_model: Path, network: Any, tmp_path: Path, left_over: dict[str, Any], sample: bool
) -> None:
    folder = shutil.copytree(text_model, tmp_path / "model")
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"top_k": 4} | left_over))
    network.generation_config.top_k = 4

    def reply(network: Any) -> Any:
        settings = generation_settings(network.generation_config, sample=sample, pad=0, max_new_tokens=8)
        return network.generate(
            **batch(), generation_config=settings, custom_generate=drawing([1, 2]) if sample else None
        )

    assert torch.equal(reply(load_checkpoint(str(folder), device="cpu").network), reply(network))


def test_the_draws_have_the_probabilities() -> None:
    scores = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.0]).log().expand(20_000, -1)
    noisy = GumbelNoise(range(20_000), torch.device("cpu"))(torch.zeros(20_000, 1), scores)
    shares = noisy.argmax(-1).bincount(minlength=5) / 20_000
    assert shares.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.0], abs=0.01)


def test_what_is_effective_is_said() -> None:
    config = transformers.GenerationConfig(temperature=0.7, min_p=0.1, repetition_penalty=1.05)
    drawn = generation_settings(config, sample=True, pad=0, max_new_tokens=1)
    assert effective(drawn) == {
        "do_sample": True,
        "temperature": 0.7,
        "top_k": 50,
        "top_p": 1.0,
        "min_p": 0.1,
        "repetition_penalty": 1.05,
    }
    greedy = generation_settings(config, sample=False, pad=0, max_new_tokens=1)
    assert effective(greedy) == {"do_sample": False, "repetition_penalty": 1.05}


def test_cut_is_what_reached_its_limit_without_an_end() -> None:
    config = transformers.GenerationConfig(eos_token_id=[7, 8])
    settings = generation_settings(config, sample=False, pad=0, max_new_tokens=4)
    new = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 7], [1, 8, 0, 0], [1, 2, 3, 0], [1, 2, 3, 0]])
    assert cut_off(new, settings, [4, 4, 4, 4, 3]) == [True, False, False, False, True]
    assert generated(new, settings, [4, 4, 4, 4, 3]) == [4, 4, 2, 3, 3]
    filled_with_ends = generation_settings(config, sample=False, pad=7, max_new_tokens=4)
    new = torch.tensor([[1, 2, 3, 7], [1, 2, 3, 7], [1, 7, 7, 7]])
    assert cut_off(new, filled_with_ends, [3, 4, 3]) == [True, False, False]
    assert generated(new, filled_with_ends, [3, 4, 3]) == [3, 4, 2]
