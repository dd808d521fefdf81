"""Which files a model is: every byte of them counts, what is missing is not made up, and no code of theirs runs."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from click.testing import CliRunner  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from cli import main  # noqa: E402
from proactivebench.errors import UsageError  # noqa: E402
from proactivebench.models.checkpoints import load_checkpoint  # noqa: E402
from proactivebench.models.files import fingerprint  # noqa: E402
from proactivebench.models.processors import encode, load_processor  # noqa: E402
from tests.support.small_benchmark import build_small  # noqa: E402
from tests.support.tiny_models import tiny_model  # noqa: E402

Change = Callable[[Path], None]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model("llava", tmp_path / "model")


def change_attention(folder: Path) -> None:
    """Changes all query and key projections, as training an adapter and merging it does."""
    weights = load_file(folder / "model.safetensors")
    for name, tensor in weights.items():
        if "q_proj" in name or "k_proj" in name:
            tensor += 0.3
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def as_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def change_pickle(folder: Path) -> None:
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save({name: tensor * 2 for name, tensor in weights.items()}, folder / "pytorch_model.bin")


def append_to(name: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((path.read_bytes() if path.exists() else b"") + b" ")

    return change


@pytest.mark.parametrize(
    "name",
    [
        *("model.safetensors", "pytorch_model.bin", "model.pt", "model.pth", "modeling_x.py", "config.json"),
        *("tokenizer.json", "chat_template.jinja", "additional_chat_templates/tool.jinja", "tokenizer.model"),
        *("adapter_model.safetensors", "adapter_model.bin", "adapter_config.json", "merges.txt"),
    ],
)
def test_every_kind_of_file_counts(model: Path, name: str) -> None:
    before = fingerprint(model)
    append_to(name)(model)
    assert fingerprint(model) != before


@pytest.mark.parametrize("name", ["qformer_tokenizer/tokenizer_config.json", "vision-lora/adapter_config.json"])
def test_parts_in_folders_of_their_own_count(model: Path, name: str) -> None:
    append_to(name)(model)
    before = fingerprint(model)
    append_to(f"{Path(name).parent}/tokenizer.json")(model)
    assert fingerprint(model) != before


def test_shards_count_wherever_the_index_puts_them(model: Path) -> None:
    (model / "deep").mkdir()
    (model / "deep" / "part.safetensors").write_bytes(b"1")
    before = fingerprint(model)
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "deep/part.safetensors"}}))
    named = fingerprint(model)
    (model / "deep" / "part.safetensors").write_bytes(b"2")
    assert len({before, named, fingerprint(model)}) == 3


def test_what_is_written_beside_a_model_does_not_count(model: Path) -> None:
    before = fingerprint(model)
    for name in (
        "README.md",
        ".lock",
        "runs/run.json",
        "checkpoint-1/model.safetensors",
        "checkpoint-1/adapter_config.json",
    ):
        append_to(name)(model)
    assert fingerprint(model) == before


@pytest.mark.parametrize(("begin", "change"), [(lambda _: None, change_attention), (as_pickle, change_pickle)])
def test_another_model_under_the_same_name_is_another_model(
    model: Path, tmp_path: Path, begin: Change, change: Change
) -> None:
    begin(model)
    data = build_small(tmp_path / "data", per_category=1)

    def evaluate(out: str) -> Any:
        command = f"evaluate --model {model} --data {data} --cache {tmp_path / 'cache'} --out {tmp_path / out}"
        return CliRunner().invoke(main, [*command.split(), "--max-new-tokens", "9"])

    def replies(out: str) -> list[str]:
        lines = (tmp_path / out / "episodes.jsonl").read_text().splitlines()
        return [turn["reply"] for line in sorted(lines) for turn in json.loads(line)["turns"]]

    assert evaluate("first").exit_code == 0
    change(model)
    refused = evaluate("first")
    assert refused.exit_code == 2
    assert "model.revision" in refused.stderr
    assert evaluate("second").exit_code == 0
    assert replies("second") != replies("first"), "the cache has answered for the other model"


@pytest.mark.parametrize("name", ["q_proj.weight", "lm_head.weight"])
def test_weights_that_are_missing_are_not_made_up(model: Path, name: str) -> None:
    weights = load_file(model / "model.safetensors")
    weights.pop(next(key for key in weights if key.endswith(name)))
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(UsageError, match=r"lacks 1 of the weights .*they would be random"):
        load_checkpoint(str(model), device="cpu")


def test_torn_weights_are_explained(model: Path) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UsageError, match="cannot be loaded as a model"):
        load_checkpoint(str(model), device="cpu")


CUT = {"max_length": 64, "strategy": "LongestFirst", "direction": "Right", "stride": 0}
FILL = {"strategy": {"Fixed": 6000}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0}


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl", "text"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("tokenizer_config.json", {"max_length": 64}),
        ("tokenizer_config.json", {"max_length": 64, "truncation": True, "truncation_side": "left"}),
        ("tokenizer_config.json", {"max_length": 6000, "padding": "max_length", "padding_side": "right"}),
        ("tokenizer_config.json", {"padding": True, "pad_to_multiple_of": 1000}),
        ("tokenizer_config.json", {"model_max_length": 64}),
        ("tokenizer.json", {"truncation": CUT}),
        ("tokenizer.json", {"padding": FILL | {"pad_token": "<pad>"}}),
    ],
    ids=str,
)
def test_no_setting_of_a_tokenizer_cuts_or_fills_a_conversation(
    model_folder: Callable[[str], Path],
    text_model: Path,
    tmp_path: Path,
    family: str,
    name: str,
    settings: dict[str, Any],
) -> None:
    plain = text_model if family == "text" else model_folder(family)
    folder = shutil.copytree(plain, tmp_path / "model")
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    picture = None if family == "text" else Image.new("RGB", (90, 60))
    asked = [("user", picture, "What is it? " * 60)]
    expected = encode(load_processor(plain), asked, torch.float32)
    encoded = encode(load_processor(folder), asked, torch.float32)
    assert torch.equal(encoded["input_ids"], expected["input_ids"])
    assert encoded["attention_mask"].all()


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What appears when a model's own code runs; a person who says yes to everything sits at the terminal."""
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    sprung = tmp_path / "sprung"
    monkeypatch.setenv("TRAP", str(sprung))
    yield sprung
    assert not sprung.exists()


CODE = """
import os, pathlib
pathlib.Path(os.environ["TRAP"]).touch()
"""


@pytest.mark.usefixtures("trap")
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("config.json", {"AutoConfig": "own.Own", "AutoModelForImageTextToText": "own.Own"}),
        ("processor_config.json", {"AutoProcessor": "own.Own"}),
    ],
)
def test_code_of_a_model_is_never_run_nor_asked_for(model: Path, name: str, part: dict[str, Any]) -> None:
    (model / "own.py").write_text(CODE)
    (model / "custom_generate").mkdir()
    (model / "custom_generate" / "generate.py").write_text(CODE)
    path = model / name
    settings = json.loads(path.read_text()) if path.exists() else {}
    settings = settings | {"auto_map": part, "processor_class": "OwnProcessor"}
    if name == "config.json":
        settings["model_type"] = "own"
    path.write_text(json.dumps(settings))
    with pytest.raises(UsageError) as refused:
        load_checkpoint(str(model), device="cpu")
    assert "needs code of its own, which is never run here" in str(refused.value)
    assert "trust_remote_code" not in str(refused.value)
    assert "\n" not in str(refused.value)


class Touch:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path(os.environ["TRAP"]),)


@pytest.mark.usefixtures("trap")
def test_a_pickle_of_more_than_weights_is_refused_in_a_sentence(model: Path) -> None:
    as_pickle(model)
    assert load_checkpoint(str(model), device="cpu").network is not None
    torch.save({"weights": Touch()}, model / "pytorch_model.bin", pickle_module=pickle)
    with pytest.raises(UsageError) as refused:
        load_checkpoint(str(model), device="cpu")
    assert "a pickle that holds more than tensors" in str(refused.value)
    assert "weights_only" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_code_was_imported_from_a_model() -> None:
    assert not [name for name in sys.modules if name.startswith("transformers_modules.")]
