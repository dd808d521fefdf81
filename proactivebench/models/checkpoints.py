"""From a name to a loaded model of transformers.

Its configuration says whether it sees pictures; a model of text alone can serve as a judge. What is loaded is exactly
what the files say: a weight that they lack is refused instead of made up, and code of their own is never run. An
adapter stays beside the weights. Merged into them it would be rounded to their precision, and in bfloat16 a change as
small as that of a short training is mostly lost.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, BitsAndBytesConfig
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

from proactivebench.errors import UsageError, require_extra
from proactivebench.models.choosing import one_text
from proactivebench.models.files import locate
from proactivebench.models.processors import Processor, Tokenizer, load_processor

ADAPTER = "adapter_config.json"
"""The file by which a folder is known for a LoRA adapter's."""

Network = Any
"""A `transformers.PreTrainedModel` that generates."""


@dataclass(frozen=True)
class Checkpoint:
    """A model that is ready to reply.

    Attributes:
        network: The model in evaluation mode, on its device.
        processor: Its processor; of a model of text alone its tokenizer.
        origin: Name, revision, adapter and data type, as JSON values.
    """

    network: Network
    processor: Processor
    origin: Mapping[str, str]

    @property
    def tokenizer(self) -> Tokenizer:
        """The processor's tokenizer."""
        return getattr(self.processor, "tokenizer", self.processor)


def load_checkpoint(
    name: str,
    *,
    revision: str | None = None,
    adapter: str | None = None,
    device: str | None = None,
    device_map: str | None = None,
    dtype: str | None = None,
    quantization: int | None = None,
    attention: str | None = None,
    chat_template: str | None = None,
) -> Checkpoint:
    """Loads a model and its processor.

    Args:
        name: A folder, an id on the Hub, or one of `DEMO`.
        revision: Branch, tag or commit on the Hub; None is its main branch.
        adapter: Folder or id of a LoRA adapter, which stays beside the weights; or a folder in the model's own.
        device: As torch names it (`cuda:1`); None is the GPU if there is one, of several that of this process.
        device_map: How accelerate deals the layers out to several GPUs (`auto`); None keeps them on one device.
        dtype: As torch names it (`float16`); None is bfloat16 on a GPU, float32 on a CPU.
        quantization: Bits of a weight while it waits to be used, 4 or 8; None keeps the precision.
        attention: How transformers computes it (`sdpa`, `flash_attention_2`); None leaves that to transformers.
        chat_template: Template of conversations, instead of the model's own.

    Raises:
        UsageError: There is no such thing, it is not a model that replies to conversations, or a library is missing.
    """
    if device is not None and device_map is not None:
        raise UsageError("--device names one device, --device-map deals a model out to several: leave one out.")
    if device_map is not None and os.environ.get("WORLD_SIZE", "1") != "1":
        raise UsageError("--device-map deals one model out to all GPUs: start one process, without torchrun.")
    place = _device(device)
    precision = _precision(dtype, place)
    folder, commit = locate(name, revision)
    origin = {"model": name, "revision": commit, "dtype": str(precision).removeprefix("torch.")}
    how = {"device_map": device_map} if device_map else _onto(place)
    if quantization is not None:
        how |= {"quantization_config": _quantized(quantization, precision)}
        origin["quantization"] = f"{quantization} bits"
    if attention is not None:
        how["attn_implementation"] = attention
    with _explained(name):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        sees = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
        auto: Any = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        network, loading = auto.from_pretrained(
            folder, dtype=precision, trust_remote_code=False, output_loading_info=True, **how
        )
        processor = load_processor(folder)
    if chat_template is not None:
        processor.chat_template = chat_template
        origin["chat_template"] = hashlib.sha256(chat_template.encode()).hexdigest()
    one_text(network.generation_config)
    if made_up := sorted(loading["missing_keys"]):
        raise UsageError(
            f"{name} lacks {len(made_up)} of the weights that its configuration asks for, {made_up[0]} for one; they "
            "would be random. Bring the folder again, or complete it."
        )
    if adapter is not None:
        inside = not Path(adapter).is_dir() and (folder / adapter / ADAPTER).is_file()
        adapter_folder, adapter_commit = locate(str(folder / adapter) if inside else adapter)
        network = _adapted(network, adapter, adapter_folder)
        origin |= {"adapter": adapter, "adapter_revision": adapter_commit}
    placed = network if device_map or quantization else network.to(place)
    return Checkpoint(placed.eval(), processor, origin)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns whatever the libraries say about a folder that they cannot load into a sentence."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError, UnpicklingError) as error:
        said = " ".join(str(error).split())
        if "trust_remote_code" in said:
            said = (
                "it needs code of its own, which is never run here. Take a conversion for transformers if there is one "
            )
            said += "(InternVL's ids with -hf), or serve it where you trust it, and take openai:"
        elif isinstance(error, UnpicklingError):
            said = "its weights are a pickle that holds more than tensors, which is never opened here"
        raise UsageError(f"{name} cannot be loaded as a model that replies to conversations: {said}") from error


def _onto(place: torch.device) -> dict[str, Any]:
    """Loads straight onto the device, not through as many copies in host memory as there are processes.

    ZeRO-3 deals out the weights itself.
    """
    return {} if is_deepspeed_zero3_enabled() else {"device_map": {"": place}}  # type: ignore[no-untyped-call]


def _quantized(bits: int, precision: torch.dtype) -> Any:
    """How bitsandbytes keeps weights, as its authors advise; matrices are multiplied in the model's precision."""
    with require_extra("--quantization", "bitsandbytes"):
        version("bitsandbytes")
    config: Any = BitsAndBytesConfig
    if bits == 8:
        return config(load_in_8bit=True)
    return config(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=precision)


def _device(name: str | None) -> torch.device:
    if name is None:
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"The device {name!r} cannot be used: {error}") from error


def usual_precision(device: torch.device) -> torch.dtype:
    """What models are played in where nobody says otherwise."""
    return torch.float32 if device.type == "cpu" else torch.bfloat16


def _precision(name: str | None, device: torch.device) -> torch.dtype:
    precision = usual_precision(device) if name is None else getattr(torch, name, None)
    if not isinstance(precision, torch.dtype) or not precision.is_floating_point:
        raise UsageError(f"{name!r} is not a data type for weights. Use bfloat16, float16 or float32.")
    return precision


def _adapted(network: Network, name: str, folder: Path) -> Network:
    """The network with an adapter beside its weights, computed as in training.

    Raises:
        UsageError: It is not a LoRA adapter, or does not fit the network weight by weight.
    """
    with require_extra("An adapter", "train"):
        import peft
    try:
        adapted = peft.PeftModel.from_pretrained(network, str(folder))
        given, taken = peft.load_peft_weights(str(folder), device="cpu"), peft.get_peft_model_state_dict(adapted)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError, UnpicklingError) as error:
        said = " ".join(str(error).split())
        raise UsageError(f"{name} is not an adapter for this model: {said}") from error
    if unfit := sorted(given.keys() ^ taken.keys()):
        raise UsageError(
            f"{name} is not an adapter for this model: {len(unfit)} of its weights do not fit there, or are expected "
            f"and missing, {unfit[0]} for one."
        )
    return adapted
