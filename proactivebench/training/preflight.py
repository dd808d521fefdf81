"""Before the first step: is what is learned from what was said about what was shown?

Nothing of this shows as an error later; a model whose pictures are lost, or whose prompt is another one when it learns
than when it answered, trains for days and learns something else. So a few prompts, with pictures of different sizes
where there are such, are answered and looked at from both sides.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import torch
from PIL import Image

from proactivebench.errors import UsageError
from proactivebench.images import Picture, load_picture
from proactivebench.models.processors import Encoded
from proactivebench.training.plays import Block, Conversation, Play
from proactivebench.training.rollout import Rollout, decode
from proactivebench.training.sharing import Said

PROMPTS = 4
LOOKED_AT = 32
"""Prompts that are tried, of how many that are looked through for other sizes."""

TOKENS = 4
"""Tokens that are generated for each."""

AGREE, AGREE_ROUNDED = 0.01, 0.2
"""By how much log-probabilities may differ, as the mean over tokens, in 32 and in 16 bits."""

Generate = Callable[[Sequence[Encoded]], tuple[list[tuple[int, ...]], torch.Tensor]]


def preflight(
    rollout: Rollout,
    generate: Generate,
    log_probs: Callable[[Sequence[Said]], torch.Tensor],
    plays: Iterable[Play],
    *,
    model: str,
    exact: bool,
) -> None:
    """Tries a model on some prompts.

    Args:
        rollout: Encodes prompts as in the training.
        generate: Draws replies to prompts, in one batch, and says with which log-probability every token was drawn
            (shape (prompts, tokens)).
        log_probs: The same as the training computes them: shape (tokens of all).
        plays: Episodes at their starts; the first of them are tried.
        model: The model's name, for messages.
        exact: Whether it computes in 32 bits.

    Raises:
        UsageError: The model cannot be trained so that it learns what it should.
    """
    conversations = _of_different_sizes(play.shown for play in islice(plays, LOOKED_AT))
    try:
        prompts = rollout.encode(conversations)
    except ValueError as error:  # a processor that counts pictures and the places that its template has for them
        raise UsageError(
            f"{model} cannot be trained: its processor refuses a prompt ({error}). Look at its chat template."
        ) from None
    for prompt, bare in zip(prompts, rollout.encode(list(map(_without_pictures, conversations))), strict=True):
        if prompt["input_ids"].shape[1] <= bare["input_ids"].shape[1]:
            raise UsageError(
                f"{model} cannot be trained: its prompt is as long without the picture, so its processor makes no "
                "tokens of pictures. Look at its chat template."
            )
    replies, drawn = generate(prompts)

    def probabilities(shown: Sequence[Encoded]) -> torch.Tensor:
        return log_probs([Said(prompt, reply) for prompt, reply in zip(shown, replies, strict=True)])

    said = torch.cat([row[: len(reply)] for row, reply in zip(drawn, replies, strict=True)])
    learned = probabilities(prompts)
    apart = float((said - learned).abs().mean())
    if not apart <= (AGREE if exact else AGREE_ROUNDED):
        raise UsageError(
            f"{model} cannot be trained: what it says has another probability when it learns than when it answers "
            f"(logarithms {apart:.3f} apart). Its processor or its attention treats a prompt differently in a batch."
        )
    blank = probabilities(rollout.encode(list(map(_blank, conversations))))
    if torch.equal(blank, learned):  # a picture that is seen changes at least the last digit
        raise UsageError(
            f"{model} cannot be trained: blank pictures change nothing about what it says, so it does not see them."
        )


def _of_different_sizes(conversations: Iterable[Conversation]) -> list[Conversation]:
    """Some conversations, those first whose pictures have other sizes than those before."""
    new: list[Conversation] = []
    more: list[Conversation] = []
    sizes: set[tuple[tuple[int, int], ...]] = set()
    for conversation in conversations:
        shown = tuple(_load(block).size for _, blocks in conversation for block in blocks if not isinstance(block, str))
        (more if shown in sizes else new).append(conversation)
        sizes.add(shown)
    return [*new, *more][:PROMPTS]


def _load(block: bytes | Picture) -> Image.Image:
    return load_picture(block) if isinstance(block, Picture) else decode(block)


def _changed(conversation: Conversation, change: Callable[[bytes | Picture], tuple[Block, ...]]) -> Conversation:
    return tuple(
        message._replace(
            blocks=tuple(new for old in message.blocks for new in ((old,) if isinstance(old, str) else change(old)))
        )
        for message in conversation
    )


def _without_pictures(conversation: Conversation) -> Conversation:
    return _changed(conversation, lambda picture: ())


def _blank(conversation: Conversation) -> Conversation:
    def grey(picture: bytes | Picture) -> tuple[bytes]:
        file = io.BytesIO()
        Image.new("RGB", _load(picture).size, "grey").save(file, "PNG")
        return (file.getvalue(),)

    return _changed(conversation, grey)
