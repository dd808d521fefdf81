"""Tokenizers of bytes, and of what is frequent in some texts, made from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast


def token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    """The id of one token."""
    found = tokenizer.convert_tokens_to_ids(token)
    assert isinstance(found, int)
    return found


def tiny_tokenizer(
    turn: tuple[str, str], names: dict[str, str], content: str, texts: Sequence[str] = ()
) -> PreTrainedTokenizerFast:
    """A tokenizer of special tokens, bytes, and pieces of texts.

    Args:
        turn: Text around a message.
        names: Special tokens by their names.
        content: The chat template's part between these.
        texts: What it learns the pieces from.
    """
    start, end = turn
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<pad>", start, end.strip(), *names.values()]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    template = (
        "{% for message in messages %}" + start + "{{ message['role'] }}\n" + content + end + "{% endfor %}"
        "{% if add_generation_prompt %}" + start + "assistant\n{% endif %}"
    )
    untyped: Any = PreTrainedTokenizerFast
    made: PreTrainedTokenizerFast = untyped(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token=end.strip(),
        extra_special_tokens=names,
        padding_side="left",
        chat_template=template,
    )
    return made
