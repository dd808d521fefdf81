"""From what a user writes after `--model` to a model.

What stands before the colon names the kind; without one, a folder or an id such as `USER/NAME` is a model of
transformers, and `module:Class` a class of the user's own, found as Python finds it from the working directory. An
option that a kind does not have is refused: nobody should believe that it had an effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

from proactivebench.errors import UsageError, require_extra
from proactivebench.models.base import Model
from proactivebench.models.own import load_class
from proactivebench.work.files import read_text
from raw_sources.plugins import collect, hint


@dataclass(frozen=True)
class ModelOptions:
    """What a user may say about a model besides its name; None leaves the choice to the model.

    Attributes:
        batch_size: Requests that an `hf:` or `vllm:` model answers at once.
        deterministic: Whether its batches are always the same ones.
        device: Where an `hf:` model is, as torch names it (`cuda:1`).
        dtype: Its precision, as torch names it (`float16`).
        device_map: How its layers are dealt out to several GPUs (`auto`).
        quantization: Bits to which its weights are rounded, 4 or 8.
        attention: How it computes attention, as transformers names it (`flash_attention_2`).
        chat_template: File with the template of its conversations.
        revision: Its branch, tag or commit on the Hub.
        adapter: Folder or id of a LoRA adapter for it.
        base_url: Address of an `openai:` model's server, or several; a file holds one on each line.
        concurrency: Requests to each that are under way at once.
        timeout: Seconds after which an attempt without the whole reply has failed.
        retries: Further attempts after the first.
        temperature: With which an `openai:` or `inspect:` model draws its replies, 0 for the most probable ones.
        reasoning: Whether it thinks before it answers; None decides by its name.
        reasoning_effort: How much, in its server's words.
        extra_body: Further parameters of its requests.
        engine: Further arguments of what runs a `vllm:` model or connects an `inspect:` one.
        max_pixels: Pixels to which larger pictures are scaled down.
        max_new_tokens: Tokens of the longest reply.
        open_ended: Free replies, as in the open-ended modes and of judges: drawn instead of always the most probable
            token, and up to `OPEN_ENDED_TOKENS` long where `max_new_tokens` says nothing.
        cache: Folder in which replies are kept and found again; None keeps none.
    """

    batch_size: int | None = None
    deterministic: bool | None = None
    device: str | None = None
    dtype: str | None = None
    device_map: str | None = None
    quantization: int | None = None
    attention: str | None = None
    chat_template: Path | None = None
    revision: str | None = None
    adapter: str | None = None
    base_url: str | Sequence[str] | None = None
    concurrency: int | None = None
    timeout: float | None = None
    retries: int | None = None
    temperature: float | None = None
    reasoning: bool | None = None
    reasoning_effort: str | None = None
    extra_body: Mapping[str, Any] | None = None
    engine: Mapping[str, Any] | None = None
    max_pixels: int | None = None
    max_new_tokens: int | None = None
    open_ended: bool = False
    cache: Path | None = None


Loader = Callable[[str, ModelOptions], Model]
"""From the name of a model and what the user said about it to the model."""


@dataclass(frozen=True)
class ModelKind:
    """A kind of models, which a plug-in may bring among its `MODELS`.

    Attributes:
        name: What stands in front of the colon: `--model NAME:...`.
        load: Loads one; it raises a `UsageError` for what it does not understand.
    """

    name: str
    load: Loader


OPEN_ENDED_TOKENS = 2**15
"""Tokens of the longest free reply where the user says nothing (published example)."""

_EITHER = ("max_pixels", "max_new_tokens")

_LOADED = ("device", "device_map", "dtype", "quantization", "attention", "chat_template", "revision", "adapter")
"""Options that say how a checkpoint is loaded."""

_SENT = ("base_url", "concurrency", "timeout", "retries", "max_pixels")
_FORM = ("temperature", "reasoning", "reasoning_effort", "extra_body", "max_new_tokens")
"""Options of models that are asked by requests: how these travel, and what they say."""


def _length(options: ModelOptions) -> dict[str, Any]:
    """The length of free replies, where the user names none."""
    return {"max_new_tokens": OPEN_ENDED_TOKENS} if options.open_ended and options.max_new_tokens is None else {}


def load_model(spec: str, options: ModelOptions) -> Model:
    """Loads the model that a specification names.

    Args:
        spec: `scripted:NAME`, `demo:NAME`, `hf:ID_OR_FOLDER`, `openai:NAME`, `inspect:PROVIDER/NAME`,
            `vllm:ID_OR_FOLDER`, `paper:NAME` and `newer:NAME` (`catalogue`), `module:Class`, or a folder or an id with
            a slash, which mean `hf:`.
        options: What else the user said about it.

    Raises:
        UsageError: There is no such model, what it needs is not installed, or an option does not fit.
    """
    kind, colon, name = spec.partition(":")
    if not colon:
        if not spec or not ("/" in spec or Path(spec).is_dir()):
            raise UsageError(
                f"Cannot tell what kind of model {spec!r} is: it has no prefix and is not a folder. Write "
                "scripted:NAME, openai:NAME for a server's model, or hf:NAME for a Hugging Face model."
            )
        kind, name = "hf", spec
    load = _loaders().get(kind)
    model = load(name, options) if load else _load_class(spec, options)
    if options.cache is None:
        return model
    if kind == "scripted":
        raise UsageError("A scripted model looks at the solution, not at the conversation: it cannot have a --cache.")
    if options.deterministic:
        raise UsageError(
            "What a --cache answers is missing from the batches that --deterministic fixes: leave one out."
        )
    from proactivebench.models.cache import CachedModel

    return CachedModel(model, options.cache)


def _given(options: ModelOptions, kind: str, *names: str) -> dict[str, Any]:
    """The options that the user gave, by name; `names` are those that this kind of model has."""
    given = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name not in ("open_ended", "cache") and getattr(options, field.name) is not None
    }
    for name in given:
        if name not in names:
            raise UsageError(f"--{name.replace('_', '-')} does not apply to {kind}; leave it out.")
    return given


def _load_scripted(name: str, options: ModelOptions) -> Model:
    from proactivebench.models.scripted import SCRIPTED

    _given(options, "a scripted model")
    if name not in SCRIPTED:
        raise UsageError(f"There is no scripted model {name!r}. {hint(name, [*SCRIPTED])}")
    return SCRIPTED[name]()


def _load_demo(name: str, options: ModelOptions) -> Model:
    from proactivebench.models.demo import require_demo

    require_demo(f"demo:{name}")  # before torch is loaded, which takes seconds
    return _load_transformers(f"demo:{name}", options)


def _load_transformers(name: str, options: ModelOptions) -> Model:
    given = _given(options, "an hf: model", *_LOADED, "batch_size", "deterministic", *_EITHER)
    with require_extra(name, "models"):
        from proactivebench.models.checkpoints import load_checkpoint
        from proactivebench.models.transformers_model import TransformersModel
    loaded = {key: given.pop(key) for key in _LOADED if key in given}
    if "chat_template" in loaded:
        loaded["chat_template"] = read_text(loaded["chat_template"])
    checkpoint = load_checkpoint(name, **loaded)
    return TransformersModel(checkpoint, **_length(options), **given, sample=options.open_ended)


def _load_openai(name: str, options: ModelOptions) -> Model:
    from proactivebench.models.openai_model import OpenAIModel
    from proactivebench.models.servers import read_addresses

    given = _given(options, "an openai: model", *_SENT, *_FORM)
    if "base_url" in given:
        given["base_url"] = read_addresses(given["base_url"])
    return OpenAIModel(name, **_requests(name, options, given))


def _load_inspect(name: str, options: ModelOptions) -> Model:
    given = _given(options, "an inspect: model", *_SENT, *_FORM, "engine")
    with require_extra(f"inspect:{name}", "inspect"):
        from proactivebench.models.inspect_model import InspectModel
    if not isinstance(given.get("base_url", ""), str):
        if len(given["base_url"]) > 1:
            raise UsageError("--base-url names several servers, which openai: models alone have.")
        [given["base_url"]] = given["base_url"]
    return InspectModel(name, **_requests(name, options, given))


def _requests(name: str, options: ModelOptions, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a model that is asked by requests; how these read is decided by its name, and by the user."""
    from proactivebench.models.request_form import RequestForm, thinks

    form = _length(options) | {key: given.pop(key) for key in _FORM if key in given}
    effort = form.pop("reasoning_effort", None)
    reasoning = form.pop("reasoning", effort is not None or thinks(name))
    extra = form.pop("extra_body", {})
    return {
        **given,
        "form": RequestForm(sample=options.open_ended, reasoning=reasoning, effort=effort, extra=extra, **form),
    }


def _load_vllm(name: str, options: ModelOptions) -> Model:
    given = _given(options, "a vllm: model", "revision", "dtype", "batch_size", "engine", *_EITHER)
    with require_extra(f"vllm:{name}", "vllm"):
        import vllm  # noqa: F401
    with require_extra(f"vllm:{name}", "models"):
        from proactivebench.models.vllm_model import VllmModel
    return VllmModel(name, **_length(options), **given, sample=options.open_ended)


def _load_listed(kind: str, name: str, options: ModelOptions) -> Model:
    from proactivebench.models.catalogue import entry, with_options

    if name == "all":
        raise UsageError(f"{kind}:all are many models: --plan writes a command for each.")
    found = entry(kind, name)
    if missing := found.missing():
        raise UsageError(f"{kind}:{name} needs {', '.join(missing)}, which is not installed.")
    return load_model(found.model, replace(with_options(found, options), cache=None))


def _load_class(spec: str, options: ModelOptions) -> Model:
    _given(options, "a class of your own")
    return load_class(spec, _loaders())


_OURS: Mapping[str, Loader] = {
    "scripted": _load_scripted,
    "demo": _load_demo,
    "hf": _load_transformers,
    "openai": _load_openai,
    "inspect": _load_inspect,
    "vllm": _load_vllm,
    "paper": partial(_load_listed, "paper"),
    "newer": partial(_load_listed, "newer"),
}


def _is_kind(thing: object) -> TypeGuard[ModelKind]:
    return isinstance(thing, ModelKind)


def _loaders() -> dict[str, Loader]:
    """All kinds of models by name: ours, and those of plug-ins."""
    ours = [ModelKind(name, load) for name, load in _OURS.items()]
    return {kind.name: kind.load for kind in collect("models", ours, _is_kind, lambda kind: [kind.name])}
