"""The options that say what a model is besides its name, for every command that asks one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from commands.shared import FOLDER

MODEL_HELP = (
    "hf:ID_OR_FOLDER (or just that), vllm:ID_OR_FOLDER, openai:NAME, inspect:PROVIDER/NAME, paper:NAME (see "
    "`models`), scripted:NAME, demo:NAME, or module:Class for your own."
)


class JsonObject(click.ParamType[dict[str, Any]]):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        try:
            from proactivebench.plain_text import without_keys
            from proactivebench.work.files import parse_json

            given = parse_json(value)
        except ValueError as error:
            self.fail(f"{without_keys(value)!r} is not valid JSON: {error}.", param, ctx)
        if without_keys(value) != value:
            self.fail("it holds a key, which run.json would keep. Give keys in the environment.", param, ctx)
        if not isinstance(given, dict):
            self.fail(f"{value!r} is not a JSON object such as '{{\"top_p\": 0.9}}'.", param, ctx)
        return given


_OPTIONS = (
    click.option(
        "--base-url",
        multiple=True,
        callback=lambda ctx, param, value: value or None,
        help="openai, inspect: address of the server, mostly ending in /v1. openai: may be repeated, or a file with an "
        "address on each line, where several servers have the model.",
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(1),
        help="openai, inspect: requests under way at once, at each server.  [default: 64]",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0, min_open=True),
        help="openai, inspect: seconds an attempt may take before it fails.  [default: 120]",
    ),
    click.option("--retries", type=click.IntRange(0), help="openai, inspect: attempts after the first.  [default: 8]"),
    click.option(
        "--temperature",
        type=click.FloatRange(0),
        help="openai, inspect: sampling temperature.  [default: 0, the most probable; free replies the server's]",
    ),
    click.option(
        "--reasoning/--no-reasoning",
        default=None,
        help="openai, inspect: whether the model thinks before it answers: no temperature, 25,000 more tokens.  "
        "[default: by its name: o1, o3, o4, gpt-5, gemini-2.5 ...]",
    ),
    click.option("--reasoning-effort", help="openai, inspect: how much it thinks, in the server's words (low)."),
    click.option(
        "--extra-body", type=JsonObject(), help="openai, inspect: further parameters of requests, as a JSON object."
    ),
    click.option(
        "--engine",
        type=JsonObject(),
        help="vllm, inspect: further arguments of vllm.LLM or inspect_ai's get_model, as a JSON object.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1),
        help="hf, vllm: requests answered at once.  [default: 32; a GPU takes more; vllm 256]",
    ),
    click.option(
        "--deterministic",
        is_flag=True,
        default=None,
        help="hf: always the same batches, so that a run on the same machine can be repeated to the letter; slower.",
    ),
    click.option("--device", help="hf: cpu, cuda, cuda:1 ...  [default: the GPU if there is one]"),
    click.option("--device-map", help="hf: deal one model out to several GPUs: auto."),
    click.option(
        "--quantization",
        type=click.Choice(["4", "8"]),
        callback=lambda ctx, param, value: value and int(value),
        help="hf: round weights to this many bits (bitsandbytes), for models that would not fit otherwise.",
    ),
    click.option("--attention", help="hf: sdpa, eager, flash_attention_2.  [default: transformers chooses]"),
    click.option(
        "--chat-template",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="hf: file with a Jinja template of conversations, instead of the model's own.",
    ),
    click.option("--dtype", help="hf, vllm: bfloat16, float16, float32.  [default: bfloat16 on a GPU]"),
    click.option("--revision", help="hf, vllm: branch, tag or commit on the Hub."),
    click.option("--adapter", help="hf: folder or id of a LoRA adapter, or a folder in the model's own."),
    click.option(
        "--max-pixels",
        type=click.IntRange(1),
        help="hf, vllm, openai, inspect: downscale pictures with more pixels than this.",
    ),
    click.option(
        "--max-new-tokens",
        type=click.IntRange(1),
        help="hf, vllm, openai, inspect: longest reply in tokens.  [default: 50; free replies and judges 32768]",
    ),
    click.option("--cache", type=FOLDER, help="Folder that keeps replies, for this run and for others."),
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command, which receives them as one `ModelOptions` named `model_options`."""

    @functools.wraps(command)
    def wrapped(**arguments: Any) -> Any:
        from dataclasses import fields

        from proactivebench.models.load import ModelOptions

        given = {field.name: arguments.pop(field.name) for field in fields(ModelOptions) if field.name in arguments}
        return command(model_options=ModelOptions(**given), **arguments)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
