"""How a checkpoint is loaded: another template, attention, several devices, fewer bits, the model's own adapter."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

for library in ("torch", "transformers"):
    pytest.importorskip(library, reason="needs the extra models")

import transformers as hf  # noqa: E402

from proactivebench.answers import what_counts  # noqa: E402
from proactivebench.errors import UsageError  # noqa: E402
from proactivebench.models.base import Message, Picture, Request  # noqa: E402
from proactivebench.models.checkpoints import load_checkpoint  # noqa: E402
from proactivebench.models.load import ModelOptions, load_model  # noqa: E402
from proactivebench.models.transformers_model import TransformersModel  # noqa: E402
from tests.support import asking, tiny_models  # noqa: E402
from tests.support.noise import noise  # noqa: E402
from tests.support.tiny_models import tiny_model  # noqa: E402
from tests.support.tiny_tokenizers import tiny_tokenizer, token_id  # noqa: E402

INSTRUCTBLIP = Path(load_checkpoint.__code__.co_filename).with_name("instructblip.jinja")
MARKED = "{% for m in messages %}{{ m['role'] }}: <image>{{ m['content'][-1]['text'] }} {% endfor %}reply:"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model("llava", tmp_path_factory.mktemp("llava"))


@pytest.fixture(scope="module")
def instructblip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny InstructBLIP as its authors left it: without a template of conversations."""
    tokenizer = tiny_tokenizer(("", "</s>"), {"picture_token": "<image>"}, "")
    tokenizer.chat_template = None
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    config = hf.InstructBlipConfig(
        vision_config=sizes | {"num_hidden_layers": 1, "image_size": 28, "patch_size": 14},
        qformer_config=sizes | {"num_hidden_layers": 2, "encoder_hidden_size": 32, "vocab_size": len(tokenizer)},
        text_config=tiny_models.TEXT
        | {"model_type": "llama", "vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
        | {"pad_token_id": 0, "bos_token_id": 1},
        num_query_tokens=4,
        image_token_index=token_id(tokenizer, "<image>"),
    )
    made = tmp_path_factory.mktemp("instructblip")
    tiny_models._save_random(hf.AutoModelForImageTextToText, config, made)
    pictures = hf.BlipImageProcessorPil(size={"height": 28, "width": 28})
    parts = {"image_processor": pictures, "tokenizer": tokenizer, "qformer_tokenizer": tokenizer}
    processor: Any = hf.InstructBlipProcessor
    processor(**parts, num_query_tokens=4).save_pretrained(made)
    return made


@pytest.fixture
def requests(tmp_path: Path) -> list[Request]:
    asked = []
    for number, text in enumerate(["Cat?", "What is in the image?\nA. Wait.\nB. Cat.", "Which of these is it?"]):
        path = tmp_path / f"{number}.png"
        noise((40 + 10 * number, 60)).convert("RGB").rotate(90 * number).save(path)
        asked.append(Request((Message("user", text, Picture(path)),), None, number))
    return asked


def ask(folder: Path, requests: Sequence[Request], batch_size: int = 1, sample: bool = False, **how: Any) -> list[str]:
    checkpoint = load_checkpoint(str(folder), **({"device": "cpu"} | how))
    return asking.ask(TransformersModel(checkpoint, batch_size=batch_size, sample=sample, max_new_tokens=8), requests)


def test_a_template_replaces_the_models_own(folder: Path, requests: list[Request], tmp_path: Path) -> None:
    path = tmp_path / "chat.jinja"
    path.write_text(MARKED, encoding="utf-8")
    model = load_model(f"hf:{folder}", ModelOptions(device="cpu", chat_template=path))
    described = model.identity()
    asyncio.run(model.close())
    assert len(str(described["chat_template"])) == 64
    assert ask(folder, requests, chat_template=MARKED) != ask(folder, requests)
    processor = load_checkpoint(str(folder), device="cpu", chat_template=MARKED).processor
    shown = processor.apply_chat_template([{"role": "user", "content": [{"type": "text", "text": "Cat?"}]}])
    assert shown == "user: <image>Cat? reply:"


def test_thinking_that_the_template_opens_is_part_of_the_reply(folder: Path, requests: list[Request]) -> None:
    found = ask(folder, requests, chat_template=f"{MARKED}<think>\n")
    assert {reply.startswith("<think>") for reply in found} == {True}
    assert {what_counts(reply) for reply in found} == {""}
    assert not any("<think>" in reply for reply in ask(folder, requests, chat_template=f"{MARKED}<think></think>"))


def test_instructblip_needs_a_template_and_has_ours(instructblip: Path, requests: list[Request]) -> None:
    with pytest.raises(UsageError, match="cannot take a conversation"):
        ask(instructblip, requests)
    ours = INSTRUCTBLIP.read_text(encoding="utf-8")
    processor = load_checkpoint(str(instructblip), device="cpu", chat_template=ours).processor
    asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?\nA. <b>"}]}]
    assert processor.apply_chat_template(asked, add_generation_prompt=True) == "What?\nA. <b>"
    for sample in (False, True):
        single = ask(instructblip, requests, 1, sample, chat_template=ours)
        assert len(set(single)) == 3, "conversations have replies of their own, or the test shows nothing"
        assert ask(instructblip, requests, 3, sample, chat_template=ours) == single


def test_attention_is_chosen_and_recorded(folder: Path) -> None:
    for name in ("eager", "sdpa"):
        network = load_checkpoint(str(folder), device="cpu", attention=name).network
        assert network.config._attn_implementation == name
    with pytest.raises(UsageError, match="cannot be loaded"):
        load_checkpoint(str(folder), device="cpu", attention="none-such")


def test_a_model_is_dealt_out_to_devices(
    folder: Path, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    single = ask(folder, requests)
    assert ask(folder, requests, 3, device=None, device_map="auto", dtype="float32") == single
    with pytest.raises(UsageError, match="--device names one device"):
        load_checkpoint(str(folder), device="cpu", device_map="auto")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="start one process, without torchrun"):
        load_checkpoint(str(folder), device_map="auto")


def test_on_how_many_devices_a_model_lay_is_recorded(folder: Path) -> None:
    checkpoint = load_checkpoint(str(folder), device="cpu")
    for places, recorded in (({"": "cpu"}, None), ({"a": 0, "b": 1, "c": 1}, 2)):
        checkpoint.network.hf_device_map = places
        model = TransformersModel(checkpoint)
        assert model.machine().get("devices") == recorded
        asyncio.run(model.close())


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs bitsandbytes: make test-quantization")
@pytest.mark.parametrize(("bits", "kind"), [(4, "Linear4bit"), (8, "Linear8bitLt")])
def test_weights_of_fewer_bits_reply_and_are_recorded(
    folder: Path, requests: list[Request], bits: int, kind: str
) -> None:
    checkpoint = load_checkpoint(str(folder), device="cpu", quantization=bits)
    assert kind in {type(module).__name__ for module in checkpoint.network.modules()}
    assert checkpoint.origin["quantization"] == f"{bits} bits"
    assert len(ask(folder, requests, quantization=bits)) == len(requests)


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
@pytest.mark.parametrize("bits", [4, 8])
def test_fewer_bits_need_bitsandbytes(folder: Path, bits: int) -> None:
    with pytest.raises(UsageError, match="--quantization needs bitsandbytes: pip install bitsandbytes"):
        load_checkpoint(str(folder), device="cpu", quantization=bits)


def test_an_adapter_in_the_models_own_folder(folder: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="needs the extra train")
    model = shutil.copytree(folder, tmp_path / "model")
    network = load_checkpoint(str(folder), device="cpu").network
    lora = peft.LoraConfig(r=2, target_modules=r".*language_model.*\.q_proj", init_lora_weights=False)
    peft.get_peft_model(network, lora).save_pretrained(model / "vision-lora")
    origin = load_checkpoint(str(model), device="cpu", adapter="vision-lora").origin
    assert origin["adapter"] == "vision-lora"
    assert origin["adapter_revision"] not in ("", origin["revision"])
