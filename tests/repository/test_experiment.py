"""`experiments/learn_to_ask`: the whole way on the bundled drawings with a few steps, and what its figures rest on."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

pytest.importorskip("trl")

import torch
from PIL import Image

from builders.quickdraw import SUGGESTIONS
from builders.quickdraw_frames import draw_prefixes
from experiments.learn_to_ask import data, keep, plot, run, warmup
from experiments.learn_to_ask.model import END, MEAN, PIXELS, STD, make_model, make_processor
from proactivebench import prompts
from proactivebench.answers import Choices
from proactivebench.benchmark import Benchmark
from proactivebench.models.checkpoints import load_checkpoint
from proactivebench.scenarios import QD
from raw_sources.quickdraw import QuickDraw

TINY = run.Size(naming=2, answering=2, grpo=2, prompts=2, seeds=1)


def quiet() -> Console:
    return Console(file=io.StringIO())


REWARDS = (0.75, 1.0)


@pytest.fixture(scope="module", autouse=True)
def two_rewards() -> Iterator[None]:
    """Two values of r_p in place of the paper's three, each of which is a training and three evaluations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "REWARDS", REWARDS)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished experiment of a few steps."""
    out = tmp_path_factory.mktemp("experiment") / "out"
    results = run.run(data.BUNDLED, out, TINY, quiet())
    (out / "results.json").write_text(json.dumps(results))
    return out


def keys(folder: Path) -> set[str]:
    return {drawing.key_id for drawing in QuickDraw.locate(folder).records()}


def test_one_command_leads_from_drawings_to_the_scores_of_all_models(finished: Path) -> None:
    rows = json.loads((finished / "results.json").read_text())["rows"]
    assert [row["model"] for row in rows] == ["guesser", "guess", "ask", "oracle", "grpo", "grpo"]
    assert [row["proactive_reward"] for row in rows[4:]] == [*REWARDS]
    assert {row["test"]["n"] for row in rows} == {38}  # two of each of the 19 classes that are not unseen
    oracle = rows[3]
    assert oracle["test"]["acc"] == oracle["complete"]["acc"] == 1.0
    assert all(len(row["training"]["reward"]) == TINY.grpo for row in rows[4:])
    assert {share for share in rows[2]["asks_at_once"].values() if share is not None} <= {1.0}  # `ask` always asks


def test_what_is_finished_is_not_done_again(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.safetensors")}
    first = json.loads((finished / "results.json").read_text())
    again = json.loads(json.dumps(run.run(data.BUNDLED, finished, TINY, quiet())))
    assert again["rows"] == first["rows"]
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*.safetensors")} == before


def test_table_and_picture_show_every_model(finished: Path, tmp_path: Path) -> None:
    results = json.loads((finished / "results.json").read_text())
    lines = plot.table(results).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == [
        *("guesser", "guess", "ask", "oracle"),
        *(f"r_p = {reward}" for reward in REWARDS),
    ]
    plot.draw(results, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 100


def cells(table: str) -> set[tuple[str, str, str]]:
    """Row, column and text of each cell."""
    head, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
    return {(row[0], column, cell) for row in rows for column, cell in zip(head, row, strict=True)}


def test_what_the_pages_tell_is_what_was_kept() -> None:
    kept = plot.table(json.loads((plot.HERE / "results.json").read_text()))
    assert kept in (plot.HERE / "README.md").read_text()
    readme = (plot.HERE.parents[1] / "README.md").read_text()
    [told] = re.findall(r"^\| model \| acc % .*?(?=\n\n)", readme, re.MULTILINE | re.DOTALL)
    assert told.count("\n") == 8 and cells(told) <= cells(kept)


def test_a_drawing_serves_one_purpose(tmp_path: Path) -> None:
    data.split(data.BUNDLED, tmp_path)
    parts = [keys(tmp_path / part) for part in data.PARTS]
    assert all(parts)
    assert sum(map(len, parts)) == len(set().union(*parts)) == 280
    classes = {part: set(QuickDraw.locate(tmp_path / part).files) for part in data.PARTS}
    assert not classes["unseen"] & (classes["warm_up"] | classes["train"] | classes["test"])


def test_a_split_that_was_interrupted_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "PARTS", (*data.PARTS[:2],))  # fails when the third part is written
    with pytest.raises(OSError, match="No such file"):
        data.split(data.BUNDLED, tmp_path / "drawings")
    assert not list(tmp_path.iterdir())


def test_the_drawings_of_the_demo_are_not_trained_on(shared_data: Path, tmp_path: Path) -> None:
    data.split(shared_data / "quickdraw", tmp_path)
    assert not keys(data.BUNDLED) & (keys(tmp_path / "warm_up") | keys(tmp_path / "train"))
    assert len(keys(tmp_path / "warm_up")) > 5000


def test_the_train_split_shows_every_stage_of_a_drawing(finished: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.load_dataset("parquet", data_files=str(finished / "train_split/data/*.parquet"), split="train")
    pictures = {row["images"][0].tobytes() for row in rows}
    complete = first = 0
    for sample in Benchmark.open(finished / "train").samples(QD):
        frames = [sample.image_template.format(image=f"{number:04d}") for number in (0, sample.reference_image)]
        small = [
            Image.open(finished / "train/test" / frame).resize((PIXELS, PIXELS), Image.Resampling.BOX).tobytes()
            for frame in frames
        ]
        first += small[0] in pictures
        complete += small[1] in pictures
        assert small[0] != small[1]
    assert first == complete > 20
    assert all(len(row["proactive_actions"]) == 1 for row in rows)


def test_the_model_knows_every_text_of_the_scenario(finished: Path) -> None:
    processor = make_processor()
    unknown = processor.tokenizer.unk_token_id
    texts = [
        prompts.multiple_choice(sample.prompt, [*sample.options, *sample.categories], short_answer=True)
        for sample in Benchmark.open(finished / "test").samples(QD)
    ]
    tokens = [processor.tokenizer(text).input_ids for text in texts]
    assert unknown not in set().union(*tokens)
    assert {len(row) for row in tokens} == {3 + 3 * 6 + 1}
    assert unknown in processor.tokenizer("Is this a text of the scenario?").input_ids


def test_what_the_model_says_chooses_the_option() -> None:
    tokenizer = make_processor().tokenizer
    said = tokenizer.decode(tokenizer.convert_tokens_to_ids([SUGGESTIONS[2], END]), skip_special_tokens=True)
    assert Choices(SUGGESTIONS[:4], [SUGGESTIONS[2]]).read(said).position == 2


def test_training_pictures_are_those_of_the_processor() -> None:
    strokes = next(QuickDraw.locate(data.BUNDLED).records()).strokes
    *_, frame = draw_prefixes(strokes)
    expected = make_processor().image_processor(Image.fromarray(np.asarray(frame)).convert("RGB"), return_tensors="pt")
    drawn = (torch.from_numpy(warmup.draw_complete(strokes)).float() / 255 - MEAN) / STD
    assert torch.allclose(drawn.expand(3, PIXELS, PIXELS), expected.pixel_values[0], atol=0.02)


def test_a_varied_drawing_is_another_of_the_same_thing() -> None:
    strokes = next(QuickDraw.locate(data.BUNDLED).records()).strokes
    one, other, same = (warmup.vary(strokes, np.random.default_rng(seed)) for seed in (0, 1, 0))
    assert one == same != other
    assert [len(stroke.x) for stroke in one] == [len(stroke.x) for stroke in strokes]


def test_the_model_is_as_small_as_it_says() -> None:
    network = make_model(make_processor())
    assert 1.25e6 < sum(weights.numel() for weights in network.parameters()) < 1.35e6
    assert network.config.image_seq_length == 16


def test_attention_begins_by_looking_for_words_like_the_one_that_asks() -> None:
    for layer in make_model(make_processor()).model.language_model.layers:
        attention = layer.self_attn
        assert torch.equal(attention.q_proj.weight, attention.k_proj.weight)
        undone = attention.o_proj.weight @ attention.v_proj.weight
        assert torch.allclose(undone, torch.eye(len(undone)), atol=1e-4)


def test_what_is_kept_of_a_run_are_its_figures_and_two_models_at_half_the_size(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    plot.draw(json.loads((finished / "results.json").read_text()), finished / "results.png")
    monkeypatch.setattr(keep, "HERE", tmp_path / "here")
    monkeypatch.setattr(keep, "DEMO", {name: tmp_path / place for name, place in keep.KEPT.items()})
    assert CliRunner().invoke(keep.main, [str(finished)]).exit_code == 0
    assert (tmp_path / "here/results.json").read_bytes() == (finished / "results.json").read_bytes()
    for place in keep.KEPT.values():
        was, kept = (root / place / "model.safetensors" for root in (finished, tmp_path))
        assert kept.stat().st_size == pytest.approx(was.stat().st_size / 2, rel=0.02)
        assert load_checkpoint(str(tmp_path / place), device="cpu").network is not None
