"""Which of COCO's categories are wrong answers: those that are hard to tell from the right one.

By default they are drawn from COCO's supercategory of the right one, an animal among animals, which takes no model. The
paper shows the three nearest by CLIP's text embedding; a file can name others. What CLIP says is computed once and
kept, because it may differ in the last digit from machine to machine. The kept file and one that a person writes have
the same form: a JSON object from each category to others, nearest first.
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
from proactivebench.errors import UsageError, require_extra
from proactivebench.work.files import write_whole
from raw_sources.coco import CATEGORIES, SUPERCATEGORIES

_FORM = TypeAdapter(dict[str, list[str]])


@dataclass(frozen=True)
class Similarity:
    """Which categories serve as wrong answers.

    Attributes:
        name: How a person asked for it: `supercategories`, `random`, `clip:MODEL`, or the name of a file.
        similar: Category -> others from which the wrong answers are drawn, at least `WRONG_CATEGORIES` of them.
    """

    name: str
    similar: Mapping[str, Sequence[str]] = field(repr=False)

    @property
    def digest(self) -> str:
        """Tells this choice from any other."""
        return hashlib.blake2b(orjson.dumps(self.similar, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


_STANDS_IN = {"person": "animal"}
"""Category that is alone in its supercategory -> the one from which its wrong answers come."""


def _in_supercategory(category: str) -> list[str]:
    group = _STANDS_IN.get(category, SUPERCATEGORIES[category])
    return [other for other in _others(category) if SUPERCATEGORIES[other] == group]


def _others(category: str) -> list[str]:
    return [other for other in CATEGORIES if other != category]


HARD = Similarity("supercategories", {category: _in_supercategory(category) for category in CATEGORIES})
RANDOM = Similarity("random", {category: _others(category) for category in CATEGORIES})


def get_similarity(spec: str, keep: Path) -> Similarity:
    """What a person asked for.

    Args:
        spec: `supercategories`, `random`, `clip:MODEL` (a name on the Hub or a folder), or a file.
        keep: Folder in which what CLIP says is kept, and found by later calls.

    Raises:
        UsageError: The file or the model cannot be read, a category is missing, or the library is not installed.
    """
    for known in (HARD, RANDOM):
        if spec == known.name:
            return known
    kind, _, model = spec.partition(":")
    if kind != "clip":
        return Similarity(Path(spec).name, _read(Path(spec)))
    kept = keep / f"nearest-{re.sub(r'[^A-Za-z0-9.-]+', '-', model).strip('-')}.json"
    if not kept.exists():
        ranking = _rank_with_clip(model)
        write_whole(kept, [orjson.dumps(ranking, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)])
    return Similarity(spec, _read(kept))


def _read(path: Path) -> dict[str, list[str]]:
    form = "a JSON object from each category to a list of others, nearest first"
    try:
        ranking = _FORM.validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}). Wrong categories come from `supercategories`, "
            f"`random`, `clip:MODEL` or a file that holds {form}."
        ) from error
    except ValidationError as error:
        raise UsageError(f"{path} is not {form}: {error.errors()[0]['msg']}.") from error
    similar: dict[str, list[str]] = {}
    for category in CATEGORIES:
        others = [other for other in dict.fromkeys(ranking.get(category, ())) if other != category]
        if unknown := sorted(set(others).difference(CATEGORIES)):
            raise UsageError(f"{path}: {category!r} lists {unknown[0]!r}, which is not a category.")
        if len(others) < WRONG_CATEGORIES:
            raise UsageError(f"{path}: {category!r} needs {WRONG_CATEGORIES} other categories, found {len(others)}.")
        similar[category] = others[:WRONG_CATEGORIES]
    return similar


def _rank_with_clip(model: str) -> dict[str, list[str]]:
    with require_extra(f"clip:{model}", "models"):
        import torch
        from transformers import AutoTokenizer, CLIPTextModelWithProjection
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        encoder = CLIPTextModelWithProjection.from_pretrained(model, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"clip:{model} cannot be loaded: {error}") from error
    texts = [f"a photo of a {category}" for category in CATEGORIES]
    with torch.inference_mode():
        embeddings = encoder(**tokenizer(texts, padding=True, return_tensors="pt")).text_embeds
        similar = torch.nn.functional.cosine_similarity(embeddings[:, None], embeddings[None], dim=-1).tolist()
    return {
        category: [other for _, other in sorted(zip(row, CATEGORIES, strict=True), reverse=True) if other != category]
        for category, row in zip(CATEGORIES, similar, strict=True)
    }
