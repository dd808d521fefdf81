"""Every family answers and learns in one way, and what cannot be learned from is found before the first step."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import GenerationConfig

from proactivebench.errors import UsageError
from proactivebench.models.checkpoints import Checkpoint, load_checkpoint
from proactivebench.models.processors import Encoded, collate
from proactivebench.training import sharing
from proactivebench.training.plays import Conversation, Message
from proactivebench.training.preflight import preflight
from proactivebench.training.rollout import Rollout
from proactivebench.training.sharing import Said, score
from tests.support.noise import noise
from tests.support.tiny_models import FAMILIES, tiny_model


def stored(size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    noise(size).convert("RGB").save(file, "PNG")
    return file.getvalue()


PAD = 0
drawing: Any = GenerationConfig
PICTURES = [stored(size) for size in ((90, 50), (40, 160), (64, 64))]
ONE = (Message("user", (PICTURES[0], "What is it?")),)
TWO = (*ONE, Message("assistant", ("Wait.",)), Message("user", (PICTURES[1], "What is it now?")))


class Asks:
    """Asks once, then answers."""

    reward, told = 1.0, {}  # type: ignore[var-annotated]

    def __init__(self) -> None:
        self.shown: Conversation = ONE
        self.done = False

    def answer(self, reply: str) -> None:
        self.done = self.shown is TWO
        self.shown = TWO


def plainly(model: Checkpoint, prompts: Sequence[Encoded]) -> tuple[list[tuple[int, ...]], torch.Tensor]:
    """Replies of three tokens, and their log-probabilities as the model's own `generate` tells them."""
    batch = collate(prompts, PAD)
    told = {"output_logits": True, "return_dict_in_generate": True, "eos_token_id": None}
    made = model.network.generate(**batch, do_sample=True, min_new_tokens=3, max_new_tokens=3, **told)
    drawn = made.sequences[:, -3:]
    every = torch.stack(made.logits, 1).log_softmax(-1)
    return [tuple(row) for row in drawn.tolist()], every.gather(2, drawn[..., None])[..., 0]


def rollout_of(model: Checkpoint) -> Rollout:
    return Rollout(model.processor, torch.float32, 1000, lambda prompts: plainly(model, prompts)[0])


def log_probs(model: Checkpoint, answers: Sequence[Said]) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([score(model.network, [said], 1.0).log_probs[0] for said in answers])


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_learned_is_what_was_said(family: str, tmp_path: Path) -> None:
    model = load_checkpoint(str(tiny_model(family, tmp_path)), device="cpu")
    rollout = rollout_of(model)
    [first, second], [_, _] = rollout.play([Asks(), Asks()])
    assert second.prompt["input_ids"].shape[1] > first.prompt["input_ids"].shape[1]
    other = (Message("user", (PICTURES[2], "And this, in many more words?")),)
    prompts = rollout.encode([ONE, TWO, other])
    replies, drawn = plainly(model, prompts := [*prompts, prompts[1]])
    answers = [Said(prompt, reply) for prompt, reply in zip(prompts, replies, strict=True)]
    answers[0] = Said(prompts[0], replies[0][:2])  # a shorter one
    scored = score(model.network, answers, 1.0)
    assert scored.mask.tolist() == [[1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert torch.allclose(scored.log_probs[0, :2], drawn[0, :2], atol=1e-3)
    assert torch.allclose(scored.log_probs[1:], drawn[1:], atol=1e-3)
    preflight(rollout, partial(plainly, model), partial(log_probs, model), [Asks(), Asks()], model="tiny", exact=True)
    best = drawing(do_sample=True, top_k=1, max_new_tokens=3, eos_token_id=None)
    shared = [prompts[place] for place in (0, 1, 0, 2, 1, 0)]
    tokens, logits = sharing.generate(model.network, shared, PAD, best, output_logits=True)
    told = {"output_logits": True, "return_dict_in_generate": True, "eos_token_id": None}
    each = model.network.generate(**collate(shared, PAD), do_sample=False, max_new_tokens=3, **told)
    assert torch.equal(tokens, each.sequences[:, -3:])
    assert torch.allclose(torch.stack(logits), torch.stack(each.logits), atol=1e-4)


def test_the_network_reads_a_prompt_once_for_all_its_answers(llava: Checkpoint) -> None:
    seen: list[int] = []
    tower = llava.network.model.vision_tower
    watched = tower.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    prompts = rollout_of(llava).encode([ONE] * 8 + [TWO] * 8)
    config = drawing(do_sample=True, max_new_tokens=3, eos_token_id=None)
    tokens, _ = sharing.generate(llava.network, prompts, PAD, config, output_logits=False)
    assert seen == [3]  # of one picture and of two, together
    answers = [Said(prompt, tuple(row)) for prompt, row in zip(prompts, tokens.tolist(), strict=True)]
    score(llava.network, answers, 1.0)
    watched.remove()
    assert seen == [3, 1, 2]


def test_processes_that_train_together_read_equally_often(llava: Checkpoint) -> None:
    read: list[bool] = []
    watched = llava.network.register_forward_pre_hook(lambda *_: read.append(True))
    [one, two] = rollout_of(llava).encode([ONE, TWO])
    few, many = [Said(one, (5,)), Said(one, (7,))], [Said(one, (5,)), Said(two, (6, 8, 9)), Said(one, (7,))]
    alone = score(llava.network, few, 1.0, prompts=2)
    assert len(read) == 4
    beside = score(llava.network, many, 1.0, prompts=2)
    watched.remove()
    assert len(read) == 8
    assert torch.allclose(alone.log_probs[:, 0], beside.log_probs[[0, 2], 0], atol=1e-5)
    assert alone.mask.tolist() == [[1], [1]] and alone.log_probs.shape == (2, 1)
    by_itself = score(llava.network, few, 1.0)
    learning = [weights for weights in llava.network.parameters() if weights.requires_grad]
    gradients = [
        torch.autograd.grad(scored.log_probs[:, 0].sum(), learning, materialize_grads=True)
        for scored in (alone, by_itself)
    ]
    assert any(gradient.any() for gradient in gradients[0])
    assert all(torch.equal(*both) for both in zip(*gradients, strict=True))


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(str(tiny_model("llava", tmp_path_factory.mktemp("llava"))), device="cpu")


def test_equal_prompts_are_encoded_once(llava: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(llava.processor.image_processor)
    prepare, prepared = kind.preprocess, Counter[str]()

    def counted(self: Any, images: Any, *arguments: Any, **settings: Any) -> Any:
        prepared["calls"] += 1
        return prepare(self, images, *arguments, **settings)

    monkeypatch.setattr(kind, "preprocess", counted)
    rollout_of(llava).play([Asks() for _ in range(8)])
    assert prepared["calls"] == 2  # one for each turn


def test_an_episode_that_gets_too_long_ends_unanswered(llava: Checkpoint) -> None:
    lengths = [prompt["input_ids"].shape[1] for prompt in rollout_of(llava).encode([ONE, TWO])]
    cramped = Rollout(llava.processor, torch.float32, lengths[0], lambda prompts: plainly(llava, prompts)[0])
    play = Asks()
    [said] = cramped.play([play])
    assert len(said) == 1 and play.done


def fly(model: Checkpoint, wrong_by: float = 0.0) -> None:
    """Tries a model that learns with other log-probabilities than it answers with."""

    def learned(answers: Sequence[Said]) -> torch.Tensor:
        return log_probs(model, answers) - wrong_by

    preflight(rollout_of(model), partial(plainly, model), learned, [Asks()], model="tiny", exact=True)


def test_a_model_that_does_not_see_is_refused(llava: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    projector = llava.network.model.multi_modal_projector
    monkeypatch.setattr(projector, "forward", lambda seen: torch.zeros(*seen.shape[:2], 32))
    with pytest.raises(UsageError, match=r"tiny cannot be trained: blank pictures change nothing"):
        fly(llava)


def test_a_model_that_learns_from_another_prompt_is_refused(llava: Checkpoint) -> None:
    with pytest.raises(UsageError, match=r"another probability when it learns than when it answers"):
        fly(llava, wrong_by=0.5)


def test_a_processor_without_tokens_for_pictures_is_refused(llava: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "{% for message in messages %}{{ message['role'] }}{% endfor %}"
    monkeypatch.setattr(llava.processor, "chat_template", template)
    with pytest.raises(UsageError, match=r"refuses a prompt .*image.* tokens.*chat template"):
        fly(llava)


def test_a_prompt_that_loses_its_picture_is_refused(llava: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = Rollout.encode

    def of_texts(self: Rollout, conversations: Sequence[Conversation]) -> list[Encoded]:
        texts = [
            tuple(one._replace(blocks=tuple(block for block in one.blocks if isinstance(block, str))) for one in said)
            for said in conversations
        ]
        return encode(self, texts)

    monkeypatch.setattr(Rollout, "encode", of_texts)
    with pytest.raises(UsageError, match=r"as long without the picture"):
        fly(llava)


def test_pictures_are_upright() -> None:
    from proactivebench.training.rollout import decode

    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    noise((30, 20)).convert("RGB").save(file, "JPEG", exif=exif)
    assert decode(file.getvalue()).size == (20, 30)
