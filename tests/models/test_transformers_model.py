"""`hf:` models of ten families, tiny and random: batches reply as single requests do, and bad input stays apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import transformers  # noqa: E402  # only where it is installed
from PIL import Image  # noqa: E402

from proactivebench.errors import UsageError  # noqa: E402
from proactivebench.images import load_picture  # noqa: E402
from proactivebench.models import decoded, transformers_model  # noqa: E402
from proactivebench.models.base import Message, Picture, PictureError, Request  # noqa: E402
from proactivebench.models.batching import FULL  # noqa: E402
from proactivebench.models.checkpoints import load_checkpoint  # noqa: E402
from proactivebench.models.processors import collate, encode  # noqa: E402
from proactivebench.models.transformers_model import TransformersModel  # noqa: E402
from proactivebench.views import Crop, ShortEdge  # noqa: E402
from tests.support import asking  # noqa: E402
from tests.support.noise import noise  # noqa: E402
from tests.support.tiny_models import FAMILIES, tiny_model  # noqa: E402
from tests.support.tiny_newer_models import NEWER  # noqa: E402

ModelFolder = Callable[[str], Path]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of different sizes, and of one that is not a picture."""
    folder = tmp_path_factory.mktemp("pictures")
    large = noise((160, 160)).convert("RGB")
    for number, size in enumerate([(90, 60), (60, 150), (32, 32), (160, 40)]):
        large.resize(size, box=(10 * number, 0, 100, 100)).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:99])
    return folder


def request(*messages: Message, seed: int = 0) -> Request:
    return Request(messages, environment=None, seed=seed)


def conversations(folder: Path) -> list[Request]:
    """Short and long texts, pictures of all sizes, views, and earlier turns."""
    picture = [Picture(folder / f"{number}.png") for number in range(4)]
    question = "What is in the image? Choose from the following options.\nA. Wait.\nB. Cat."
    return [
        request(Message("user", "Cat?", picture[0]), seed=1),
        request(Message("user", question, picture[1]), seed=2),
        request(Message("user", question, Picture(picture[1].path, Crop(5, 20, 55, 90))), seed=3),
        request(
            Message("user", "Cat?", Picture(picture[3].path, ShortEdge(24))),
            Message("assistant", "Wait."),
            Message("user", question, picture[2]),
            seed=4,
        ),
        request(Message("user", question * 3, picture[2]), seed=5),
    ]


def replies(folder: Path, requests: Sequence[Request], batch_size: int | None, **settings: Any) -> list[Any]:
    """What `asking.replies` gets from the model of a folder."""
    model = TransformersModel(load_checkpoint(str(folder), device="cpu"), batch_size=batch_size, **settings)
    return asking.replies(model, requests)


@pytest.mark.parametrize("family", [*FAMILIES, *NEWER])
def test_a_batch_replies_as_single_requests_do(family: str, model_folder: ModelFolder, pictures: Path) -> None:
    requests = conversations(pictures)
    single = replies(model_folder(family), requests, batch_size=1, max_new_tokens=12)
    different = 1 if family == "aya_vision" else 3
    assert len(set(single)) > different, "conversations have replies of their own, or the test shows nothing"
    assert replies(model_folder(family), requests, batch_size=len(requests), max_new_tokens=12) == single


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_is_what_the_processor_makes_of_it(family: str, model_folder: ModelFolder) -> None:
    processor = load_checkpoint(str(model_folder(family)), device="cpu").processor
    large = noise((200, 200)).convert("RGB")
    rows: list[list[tuple[str, Image.Image | None, str]]] = [
        [("user", large.crop((0, 0, 90, 50)), "short")],
        [
            ("user", large.crop((0, 0, 40, 160)), "earlier"),
            ("assistant", None, "Wait."),
            ("user", large.crop((0, 0, 30, 30)), "a much longer question"),
        ],
    ]
    expected = processor.apply_chat_template(
        [
            [
                {
                    "role": role,
                    "content": [{"type": "image", "image": image}, {"type": "text", "text": text}][image is None :],
                }
                for role, image, text in row
            ]
            for row in rows
        ],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    )
    batch = collate([encode(processor, row, torch.float32) for row in rows], processor.tokenizer.pad_token_id)
    assert batch.keys() == expected.keys()
    for name, value in batch.items():
        assert torch.equal(value, expected[name]), name


def test_a_broken_picture_fails_alone(model_folder: ModelFolder, pictures: Path) -> None:
    good = conversations(pictures)
    broken = request(Message("user", "Cat?", Picture(pictures / "broken.png")))
    with_broken = replies(model_folder("llava"), [*good[:2], broken, *good[2:]], batch_size=3)
    assert isinstance(with_broken[2], PictureError)
    assert "broken.png" in str(with_broken[2])
    del with_broken[2]
    assert with_broken == replies(model_folder("llava"), good, batch_size=1)


def test_a_picture_that_the_processor_refuses_fails_alone(model_folder: ModelFolder, pictures: Path) -> None:
    Image.new("RGB", (1000, 2)).save(pictures / "thin.png")  # Qwen takes no sides of more than 200 : 1
    thin = request(Message("user", "Cat?", Picture(pictures / "thin.png")))
    good, refused = replies(model_folder("qwen2_vl"), [conversations(pictures)[0], thin], batch_size=2)
    assert isinstance(good, str)
    assert isinstance(refused, PictureError)
    assert "thin.png" in str(refused)


def test_sampled_replies_depend_on_the_seed_and_not_on_the_batch(model_folder: ModelFolder, pictures: Path) -> None:
    message = conversations(pictures)[0].messages
    requests = [request(*message, seed=seed) for seed in range(6)]
    sampled = replies(model_folder("llava"), requests, batch_size=6, sample=True)
    assert len(set(sampled)) == 6
    assert replies(model_folder("llava"), requests, batch_size=2, sample=True) == sampled


def judged_conversations() -> list[Request]:
    return [
        request(Message("system", "You judge."), Message("user", f"{'Reply: ' * number}a cat"), seed=number)
        for number in range(1, 6)
    ]


@pytest.mark.parametrize("sample", [False, True])
def test_a_model_of_text_alone_judges(text_model: Path, sample: bool) -> None:
    single = replies(text_model, judged_conversations(), batch_size=1, sample=sample, max_new_tokens=12)
    assert len(set(single)) == 5
    assert replies(text_model, judged_conversations(), batch_size=5, sample=sample, max_new_tokens=12) == single


def test_a_model_that_sees_pictures_judges_too(model_folder: ModelFolder) -> None:
    single = replies(model_folder("qwen2_5_vl"), judged_conversations(), batch_size=1)
    assert len(set(single)) > 3
    assert replies(model_folder("qwen2_5_vl"), judged_conversations(), batch_size=5) == single


def test_a_model_of_text_alone_is_not_shown_pictures(text_model: Path, pictures: Path) -> None:
    [refused] = replies(text_model, conversations(pictures)[:1], batch_size=1)
    assert isinstance(refused, UsageError)
    assert "texts alone" in str(refused)


def test_padding_does_not_count_as_repetition(text_model: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(str(text_model), device="cpu")
    plain = replies(text_model, judged_conversations(), batch_size=1)
    checkpoint.network.generation_config.update(repetition_penalty=50.0)
    checkpoint.network.save_pretrained(tmp_path)
    [first, *_] = checkpoint.tokenizer.encode(plain[0])
    checkpoint.tokenizer.pad_token_id = first  # a token that replies have, as the end of a turn often is
    checkpoint.tokenizer.save_pretrained(tmp_path)
    single = replies(tmp_path, judged_conversations(), batch_size=1)
    assert single != plain
    assert replies(tmp_path, judged_conversations(), batch_size=5) == single


def test_replies_end_after_max_new_tokens_and_at_the_end_of_a_turn(model_folder: ModelFolder, pictures: Path) -> None:
    folder = model_folder("llava")
    [long], [short] = (replies(folder, conversations(pictures)[:1], 1, max_new_tokens=n) for n in (12, 4))
    assert long.startswith(short.rstrip("�"))
    assert len(short) <= 4 < len(long)


def test_max_pixels_shows_a_smaller_picture(model_folder: ModelFolder, pictures: Path) -> None:
    large = conversations(pictures)[:1]
    folder = model_folder("qwen2_5_vl")
    assert replies(folder, large, 1, max_pixels=28 * 28 * 4) != replies(folder, large, 1)


def test_running_out_of_memory_halves_the_batch(
    model_folder: ModelFolder, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = conversations(pictures)
    expected = replies(model_folder("llava"), requests, batch_size=1)
    generate = transformers.LlavaForConditionalGeneration.generate
    sizes = []

    def little_memory(self: Any, **inputs: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return generate(self, **inputs)

    monkeypatch.setattr(transformers.LlavaForConditionalGeneration, "generate", little_memory)
    assert replies(model_folder("llava"), requests, batch_size=5) == expected
    assert sizes == [1, 3, 1, 2, 1], "the shortest and the longest alone"


class FakeMemory:
    """A memory in which every batch takes as much as fits."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self) -> None:
        self.told.append("begin")

    def used(self) -> float:
        self.told.append("used")
        return FULL


def test_every_batch_is_measured(model_folder: ModelFolder, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = FakeMemory()
    monkeypatch.setattr(transformers_model, "memory_of", lambda device: memory)
    requests = conversations(pictures)
    expected = replies(model_folder("llava"), requests, batch_size=1, max_new_tokens=4)
    assert memory.told == [], "a size that was asked for stays"
    assert replies(model_folder("llava"), requests * 3, batch_size=None, max_new_tokens=4) == expected * 3
    assert memory.told == ["begin", "used"] * (len(memory.told) // 2)
    assert len(memory.told) >= 2 * 3


def test_a_picture_that_is_shown_again_is_decoded_once(
    model_folder: ModelFolder, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Picture] = []

    def load(picture: Picture, max_pixels: int | None) -> Image.Image:
        loaded.append(picture)
        return load_picture(picture, max_pixels)

    monkeypatch.setattr(decoded, "load_picture", load)
    first, second = Picture(pictures / "0.png"), Picture(pictures / "0.png", Crop(5, 10, 80, 50))
    shown = [Message("user", "?", picture) for picture in (first, second, first)]
    asked = request(shown[0], Message("assistant", "A"), shown[1], Message("assistant", "B"), shown[2])
    [reply] = replies(model_folder("qwen2_5_vl"), [asked], batch_size=1, max_new_tokens=4)
    assert loaded == [first, second]
    monkeypatch.setattr(decoded, "KEPT_BYTES", 0)
    assert replies(model_folder("qwen2_5_vl"), [asked], batch_size=1, max_new_tokens=4) == [reply]
    assert loaded[2:] == [first, second, first]


def test_a_tokenizer_without_a_padding_token_pads_all_the_same(
    model_folder: ModelFolder, pictures: Path, tmp_path: Path
) -> None:
    folder = tiny_model("llava_next", tmp_path / "unpadded")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["pad_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    requests = conversations(pictures)
    assert replies(folder, requests, 5) == replies(model_folder("llava_next"), requests, 1)
