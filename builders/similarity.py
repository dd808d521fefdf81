"""Which categories look like the right one: nearest by CLIP's text embedding, or as a file says.

The similarities are computed once and kept in a file, because they take a model and may differ in the last digit from
machine to machine. The kept file and one that a person writes have the same form: a JSON object from each category to
others, nearest first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from builders.negatives import WRONG_CATEGORIES
from builders.storage import write_file
from proactivebench.errors import UsageError

_FORM = TypeAdapter(dict[str, list[str]])


@dataclass(frozen=True)
class Similarity:
    """Which categories serve as wrong answers.

    Attributes:
        name: How a person asked for it: `random`, `clip:MODEL`, or the name of a file.
        ranking: Category -> others, nearest first; empty for `random`.
    """

    name: str
    ranking: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)

    def nearest(self, category: str) -> Sequence[str]:
        """The categories to be shown as wrong answers; fewer, or none, where all others are as good."""
        return self.ranking.get(category, ())[:WRONG_CATEGORIES]

    @property
    def digest(self) -> str:
        """Tells this ranking from any other."""
        return hashlib.blake2b(orjson.dumps(self.ranking, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


RANDOM = Similarity("random")


def get_similarity(spec: str, categories: Sequence[str], keep: Path) -> Similarity:
    """What a person asked for.

    Args:
        spec: `random`, `clip:MODEL` (a name on the Hub or a folder), or a file.
        categories: All categories.
        keep: Folder in which what CLIP says is kept, and found by later calls.

    Raises:
        UsageError: The file or the model cannot be read, a category is missing, or the library is not installed.
    """
    if spec == RANDOM.name:
        return RANDOM
    kind, _, model = spec.partition(":")
    if kind != "clip":
        return Similarity(Path(spec).name, _read(Path(spec), categories))
    kept = keep / f"nearest-{re.sub(r'[^A-Za-z0-9.-]+', '-', model).strip('-')}.json"
    if not kept.exists():
        ranking = _rank_with_clip(model, categories)
        write_file(kept, orjson.dumps(ranking, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return Similarity(spec, _read(kept, categories))


def _read(path: Path, categories: Sequence[str]) -> dict[str, list[str]]:
    form = "a JSON object from each category to a list of others, nearest first"
    try:
        ranking = _FORM.validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}). Wrong categories come from `random`, `clip:MODEL` or a file "
            f"that holds {form}."
        ) from error
    except ValidationError as error:
        raise UsageError(f"{path} is not {form}: {error.errors()[0]['msg']}.") from error
    known = set(categories)
    for category in categories:
        others = set(ranking.get(category, ())) - {category}
        if unknown := sorted(others - known):
            raise UsageError(f"{path}: {category!r} lists {unknown[0]!r}, which is no category.")
        if len(others) < WRONG_CATEGORIES:
            raise UsageError(f"{path}: {category!r} needs {WRONG_CATEGORIES} other categories, found {len(others)}.")
    return {category: [other for other in ranking[category] if other != category] for category in categories}


def _rank_with_clip(model: str, categories: Sequence[str]) -> dict[str, list[str]]:
    try:
        import torch
        from transformers import AutoTokenizer, CLIPTextModelWithProjection
    except ModuleNotFoundError as error:
        raise UsageError(
            f"clip:{model} needs {error.name}: install the extra with pip install 'proactivebench-toolkit[models]'."
        ) from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
        encoder = CLIPTextModelWithProjection.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise UsageError(f"clip:{model} cannot be loaded: {error}") from error
    texts = [f"a photo of a {category}" for category in categories]
    with torch.inference_mode():
        embeddings = encoder(**tokenizer(texts, padding=True, return_tensors="pt")).text_embeds
        similar = torch.nn.functional.cosine_similarity(embeddings[:, None], embeddings[None], dim=-1).tolist()
    return {
        category: [other for _, other in sorted(zip(row, categories, strict=True), reverse=True) if other != category]
        for category, row in zip(categories, similar, strict=True)
    }
