"""The train split: where its rows come from, and what must hold for each of them before it is trained on.

Rows have the published columns (`prompt`, `ground_truth`, `proactive_actions`, `options`, `images`), in Parquet files
in a folder or on the Hub. What is wrong with a row would otherwise show as a reward of 0, that is, as a model that does
not learn; so every row is checked, stored ones before the training starts, streamed ones as they come.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.exceptions import DatasetGenerationError
from PIL import Image

from proactivebench.digests import file_digests
from proactivebench.errors import ProactiveBenchError, ResumableError, UsageError
from proactivebench.images import FORMATS, MAX_PIXELS
from proactivebench.models.processors import Processor
from proactivebench.training.rewards import SingleTurn, message_text
from proactivebench.work.files import writing

COLUMNS = ("prompt", "ground_truth", "proactive_actions", "options", "images")
"""The columns that are used; others, such as the published confidences, are left aside."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class TrainFiles:
    """The Parquet files of a train split.

    Attributes:
        urls: Paths, or `hf://` addresses with their commit.
        fingerprint: Tells these files from any others.
        rows: How many rows they hold.
    """

    urls: tuple[str, ...]
    fingerprint: str
    rows: int

    @classmethod
    def find(cls, data: str) -> TrainFiles:
        """Finds the files, and looks at their columns.

        Args:
            data: A folder with `data/train-*.parquet` or `train-*.parquet`, or `hub:ID` with such files.

        Raises:
            UsageError: There are none, or they lack a column.
        """
        kind, _, name = data.partition(":")
        if kind == "hub":
            urls, fingerprint = _on_hub(name)
        else:
            urls = [str(path) for place in ("data", ".") for path in sorted(Path(data, place).glob("train-*.parquet"))]
            told = (f"{path.name}\0{digest}\0" for path, digest in file_digests(map(Path, urls)).items())
            fingerprint = "sha256:" + hashlib.sha256("".join(told).encode()).hexdigest()
        if not urls:
            raise UsageError(
                f"{data} is not a train split: expected files like {data}/data/train-00000-of-00001.parquet. "
                "Build one with `proactivebench build train`, or name hub:ID for one on the Hub."
            )
        return cls(tuple(urls), fingerprint, sum(map(_rows_of, urls)))


def _on_hub(name: str) -> tuple[list[str], str]:
    try:
        commit = huggingface_hub.HfApi().dataset_info(name).sha
        found = huggingface_hub.HfFileSystem().glob(f"datasets/{name}@{commit}/data/train-*.parquet")
    except (OSError, ValueError) as error:
        raise UsageError(f"hub:{name} cannot be had from the Hub: {error}") from error
    return [f"hf://{path}" for path in sorted(map(str, found))], f"{name}@{commit}"


def _rows_of(url: str) -> int:
    try:
        with huggingface_hub.HfFileSystem().open(url) if url.startswith("hf://") else Path(url).open("rb") as file:
            metadata = pq.read_metadata(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise UsageError(f"{url} cannot be read as Parquet: {error}") from error
    present = metadata.schema.to_arrow_schema().names
    if missing := [name for name in COLUMNS if name not in present]:
        raise UsageError(
            f"{url} lacks the column(s) {', '.join(missing)}; it has {', '.join(present)}. A train split has the "
            f"columns {', '.join(COLUMNS)}."
        )
    return int(metadata.num_rows)


class PromptLimit:
    """Refuses rows whose prompt, as tokens and with its picture, leaves no room for an answer.

    A row is only encoded where no row before had both as long a text and as large a picture: that is rare, and enough.

    Args:
        processor: The model's processor.
        tokens: Tokens that a prompt may have.
    """

    def __init__(self, processor: Processor, tokens: int):
        self._processor = processor
        self._tokens = tokens
        self._fitting: list[tuple[int, int]] = []  # characters and pixels

    def check(self, messages: list[dict[str, Any]], picture: Image.Image) -> None:
        """Raises ValueError for a prompt that is too long."""
        from trl.data_utils import prepare_multimodal_messages

        text, pixels = sum(len(message_text(message)) for message in messages), picture.width * picture.height
        if any(text <= longer and pixels <= larger for longer, larger in self._fitting):
            return
        encoded = self._processor.apply_chat_template(
            [prepare_multimodal_messages(messages, images=[picture])],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
        )
        if (length := len(encoded["input_ids"][0])) > self._tokens:
            raise ValueError(
                f"prompt has {length} tokens with its picture of {picture.width} x {picture.height} pixels; the model "
                f"takes {self._tokens} in front of an answer"
            )
        self._fitting = [(t, p) for t, p in self._fitting if t > text or p > pixels] + [(text, pixels)]


def check_row(row: Row, limit: PromptLimit) -> None:
    """Checks one row, its picture as stored bytes.

    Raises:
        ValueError: The row cannot be trained on; the text begins with the field.
    """
    messages = row["prompt"]
    if not messages or messages[-1].get("role") != "user":
        raise ValueError("prompt must be a conversation that ends with a user message")
    kinds = [block["type"] for message in messages for block in message["content"]]
    if kinds.count("image") != 1 or not {"image", "text"}.issuperset(kinds):
        raise ValueError(f"prompt has blocks of the types {kinds}, expected texts and one image")
    for name in ("options", "proactive_actions"):
        if row[name] is None or not all(isinstance(text, str) for text in row[name]):
            raise ValueError(f"{name} is {row[name]!r}, expected a list of texts")
    SingleTurn.of_row(message_text(messages[-1]), row["options"], row["proactive_actions"], row["ground_truth"])
    limit.check(messages, _picture(row["images"]))


def _picture(images: list[dict[str, Any]] | None) -> Image.Image:
    if images is None or len(images) != 1 or not images[0].get("bytes"):
        raise ValueError("images must be a list of one stored picture")
    try:
        picture = Image.open(io.BytesIO(images[0]["bytes"]), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"{picture.width} x {picture.height} pixels are too many")
        picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"images holds a picture that cannot be read ({error})") from error
    return picture


def load_rows(
    files: TrainFiles,
    limit: PromptLimit,
    *,
    stream: bool,
    track: Callable[[Iterable[Row], int], Iterable[Row]] = lambda rows, total: rows,
) -> Any:
    """Loads the rows, checked.

    Args:
        files: Where they are.
        limit: How long prompts may be.
        stream: Read and check rows as they are needed; otherwise all are stored in the cache of `datasets` and checked
            now.
        track: Wraps the rows to show the progress of the check; told their number.

    Returns:
        A `datasets.Dataset`, or an `IterableDataset` if streamed, with pictures as they are stored (`bytes`).

    Raises:
        ProactiveBenchError: A row is not what it should be; streamed ones raise it on the way.
        ResumableError: They cannot be stored, as the disk is full or not writable.
    """
    as_stored = datasets.List(datasets.Image(decode=False))
    try:
        with writing(Path(datasets.config.HF_DATASETS_CACHE)):
            rows = datasets.load_dataset("parquet", data_files=list(files.urls), split="train", streaming=stream)
    except DatasetGenerationError as error:
        if isinstance(cause := error.__cause__, OSError) and cause.errno is not None:
            cache = datasets.config.HF_DATASETS_CACHE
            raise ResumableError(f"The rows cannot be stored in {cache}: {cause.strerror}.") from error
        raise ProactiveBenchError(f"{files.urls[0]} cannot be read as Parquet: {cause}.") from error
    rows = rows.select_columns(list(COLUMNS)).cast_column("images", as_stored)

    def checked(row: Row, number: int) -> Row:
        try:
            check_row(row, limit)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            where = Path(files.urls[0]).parent if "://" not in files.urls[0] else files.fingerprint
            raise ProactiveBenchError(f"{where}, row {number} of the train split: {error}.") from error
        return row

    if stream:
        return rows.map(checked, with_indices=True).cast(rows.features)
    for number, row in enumerate(track(rows, files.rows)):
        checked(row, number)
    return rows
