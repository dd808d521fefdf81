"""Which drawing serves what, and the three benchmarks and the train split that are made of them.

Every drawing (`key_id`; one that is there simplified and raw counts once) serves one purpose:

- `warm_up`: the supervised warm-up sees it, complete only.
- `train`: GRPO sees its frames. The warm-up has not learned it by heart, so that what GRPO learns about being unsure
  holds for new drawings, too.
- `test`: two of each class; nothing is trained on them.
- `unseen`: all drawings of fifteen classes. Nothing is trained on them; their names are among the options in training,
  but no picture ever fits them.

Beside others, drawings that come with the toolkit are never trained on: its demo shows no model what it learned from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

import raw_sources
from builders.pipeline.build import build
from builders.quickdraw import QuickDrawBuilder
from experiments.learn_to_ask.model import PIXELS
from proactivebench import prompts
from proactivebench.benchmark import Benchmark
from proactivebench.scenarios import QD, Sample, make_environment
from proactivebench.work.files import whole
from raw_sources.quickdraw import CATEGORIES, QuickDraw
from raw_sources.quickdraw_lines import parse_drawing, peek, read_lines

PARTS = ("warm_up", "train", "test", "unseen")

BUNDLED = Path(raw_sources.__file__).parent / "bundled" / "quickdraw"
"""The drawings that come with the toolkit."""

UNSEEN_EVERY = 23
"""One class of these many is unseen: 15 of 345."""

TEST_PER_CLASS = 2
ALL = 10_000
PLAYED_PER_CLASS = {"test": TEST_PER_CLASS, "unseen": 10}

TRAIN_SHARE = 0.2
"""Of the drawings of a class that are left, the share on which GRPO trains."""


def split(raw: Path, out: Path) -> None:
    """Copies the lines of every usable drawing into `out/<part>/<category>.ndjson`.

    Args:
        raw: Folder with `<category>.ndjson` files at any depth, simplified, raw or both.
        out: Folder of the parts; appears complete or not at all.
    """
    reserved = (
        set() if raw.resolve() == BUNDLED.resolve() else {key for lines in _read(BUNDLED).values() for key in lines}
    )
    classes = _read(raw)
    unseen = set(list(classes)[UNSEEN_EVERY // 2 :: UNSEEN_EVERY])
    with whole(out) as unfinished:
        for part in PARTS:
            (unfinished / part).mkdir(parents=True)
        for category, lines in classes.items():
            parts = {"unseen": list(lines)} if category in unseen else _assign(list(lines), reserved)
            for part, keys in parts.items():
                (unfinished / part / f"{category}.ndjson").write_bytes(b"".join(lines[key] + b"\n" for key in keys))


def _read(folder: Path) -> dict[str, dict[bytes, bytes]]:
    """Category -> key_id -> line, recognised drawings with two strokes only, in an order drawn by their key_id."""
    found: dict[str, dict[bytes, bytes]] = {category: {} for category in CATEGORIES}
    for form in sorted(path for path in folder.iterdir() if path.is_dir()):
        for category, path in QuickDraw.locate(form).files.items():
            with path.open("rb") as file:
                for line in read_lines(file):
                    key, recognized = peek(line.data)
                    if recognized and len(parse_drawing(line.data, category).strokes) > 1:
                        found[category][key] = line.data.strip()
    by_chance = lambda key: hashlib.blake2b(key, digest_size=8).digest()  # noqa: E731
    return {name: {key: lines[key] for key in sorted(lines, key=by_chance)} for name, lines in found.items() if lines}


def _assign(keys: list[bytes], reserved: set[bytes]) -> dict[str, list[bytes]]:
    free = [key for key in keys if key not in reserved]
    test = ([key for key in keys if key in reserved] or free)[:TEST_PER_CLASS]
    learned = [key for key in free if key not in test]
    train = round(TRAIN_SHARE * len(learned))
    return {"test": test, "train": learned[:train], "warm_up": learned[train:]}


def build_benchmark(drawings: Path, out: Path, per_category: int) -> Benchmark:
    """A benchmark of the drawings in a folder, by the toolkit's own builder."""
    build(QuickDrawBuilder(QuickDraw.locate(drawings), per_category=per_category), out)
    return Benchmark.open(out)


def write_train_split(benchmark: Benchmark, out: Path) -> int:
    """Writes single turns of a benchmark as a train split: of every drawing its first, a middle and its last frame.

    The folder appears complete or not at all.

    The suggestion is valid in all of them, also in the complete drawing, as in the published train split: it is
    r_p < 1 alone that makes a guess worth more where the drawing can be named.

    Returns:
        The number of rows.
    """
    import datasets

    rows = [row for sample in benchmark.samples(QD) for row in _turns(sample, benchmark.root)]
    Random(0).shuffle(rows)
    text = datasets.Value("string")
    message = {"role": text, "content": datasets.List({"type": text, "text": text})}
    features = datasets.Features(
        prompt=datasets.List(message),
        ground_truth=text,
        proactive_actions=datasets.List(text),
        options=datasets.List(text),
        images=datasets.List(datasets.Image()),
    )
    with whole(out) as unfinished:
        (unfinished / "data").mkdir(parents=True)
        made = datasets.Dataset.from_list(rows, features=features)
        made.to_parquet(unfinished / "data" / "train-00000-of-00001.parquet")
    return len(rows)


def _turns(sample: Sample, root: Path) -> Iterator[dict[str, Any]]:
    middle = Random(sample.id).randrange(sample.num_images)
    for image in sorted({sample.first_image, middle, sample.reference_image}):
        environment = make_environment(sample)
        environment.frame_number = image
        shown = environment.observe()
        prompt = prompts.multiple_choice(shown.question, shown.options, short_answer=True)
        yield {
            "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}],
            "ground_truth": sample.answer,
            "proactive_actions": list(environment.accepted),
            "options": list(shown.options),
            "images": [_as_seen(root / shown.frame_path)],
        }


def _as_seen(frame: Path) -> Image.Image:
    """A frame at the size that the model sees, which saves GRPO two thirds of its time: it prepares all frames anew."""
    with Image.open(frame) as picture:
        return picture.resize((PIXELS, PIXELS), Image.Resampling.BOX)
