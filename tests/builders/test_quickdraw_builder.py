"""The Quick, Draw! builder: texts, wrong categories, and what the frames show."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from builders.negatives import draw_wrong_categories
from builders.pipeline.build import build
from builders.quickdraw import QUESTIONS, SUGGESTIONS, QuickDrawBuilder
from builders.quickdraw_frames import MARGIN, SIZE, draw_prefixes
from builders.wording import ABSTENTIONS, category_text
from proactivebench.answers import normalise
from proactivebench.errors import UsageError
from proactivebench.samples import read_samples
from proactivebench.scenarios import QD, SCENARIOS, Action, is_abstention
from raw_sources.quickdraw import CATEGORIES, QuickDraw
from raw_sources.quickdraw_lines import Stroke


@pytest.fixture
def source(bundled_quickdraw: Path) -> QuickDraw:
    return QuickDraw.locate(bundled_quickdraw)


class TestTexts:
    def test_pools_are_as_large_as_published(self) -> None:
        assert len(set(QUESTIONS)) == 15
        assert len(set(SUGGESTIONS)) == 13
        assert len(set(ABSTENTIONS)) == 3

    @pytest.mark.parametrize("suggestion", SUGGESTIONS)
    def test_a_suggestion_holds_exactly_one_keyword(self, suggestion: str) -> None:
        assert sum(keyword in suggestion.lower() for keyword in QD.keywords) == 1
        assert QD.action_of(suggestion) is Action.DETAILS
        assert not is_abstention(suggestion)
        assert suggestion.endswith((".", "?"))

    @pytest.mark.parametrize("abstention", ABSTENTIONS)
    def test_an_abstention_holds_no_keyword(self, abstention: str) -> None:
        assert is_abstention(abstention)
        assert not [k for scenario in SCENARIOS.values() for k in scenario.keywords if k in abstention.lower()]

    def test_categories_read_like_the_published_ones(self) -> None:
        assert category_text("The Eiffel Tower") == "The eiffel tower."
        assert len({normalise(category_text(name)) for name in CATEGORIES}) == 345


class TestWrongCategories:
    @given(st.lists(st.text(st.characters(codec="ascii"), max_size=6)), st.text(max_size=6), st.integers())
    def test_never_two_that_normalise_alike(self, pool: list[str], answer: str, seed: int) -> None:
        try:
            wrong = draw_wrong_categories(Random(seed), answer, pool)
        except ValueError:
            different = {normalise(text) for text in pool} - {"", normalise(answer)}
            assert len(different) < 3
            return
        assert set(wrong) <= set(pool)
        assert len({normalise(text) for text in [answer, *wrong]}) == 4

    def test_every_category_comes_up(self) -> None:
        pool = [f"Thing {number}." for number in range(20)]
        drawn = {text for seed in range(200) for text in draw_wrong_categories(Random(seed), "Thing 3.", pool)}
        assert drawn == set(pool) - {"Thing 3."}


class TestFrames:
    strokes = (
        Stroke([0, 100, 100], [0, 0, 50]),
        Stroke([40], [40]),
        Stroke([60, 60], [40, 40]),
        Stroke([0, 50], [50, 20]),
    )

    def test_each_frame_adds_to_the_one_before(self) -> None:
        frames = list(draw_prefixes(self.strokes))
        assert [frame.shape for frame in frames] == [(SIZE, SIZE)] * 4
        ink = [int((255 - frame.astype(int)).sum()) for frame in frames]
        assert 0 < ink[0] < ink[1] < ink[2] < ink[3]
        assert all((later <= earlier).all() for earlier, later in pairwise(frames))

    def test_each_frame_is_the_whole_canvas_averaged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def seen(canvas: NDArray[np.uint8], *lines: Any, **options: Any) -> MatLike:
            canvases[:] = [canvas]
            return polylines(canvas, *lines, **options)

        def halved(picture: NDArray[Any]) -> NDArray[Any]:
            sums: NDArray[Any] = picture.reshape(len(picture) // 2, 2, -1, 2).sum(axis=(1, 3), dtype=int)
            mean: NDArray[Any] = (sums + 2) // 4
            return mean

        canvases: list[NDArray[np.uint8]] = []
        polylines = cv2.polylines
        monkeypatch.setattr(cv2, "polylines", seen)
        for frame in draw_prefixes(self.strokes):
            assert (frame == halved(halved(canvases[0]))).all()

    def test_the_complete_drawing_fills_the_canvas_within_its_margin(self) -> None:
        *_, complete = draw_prefixes(self.strokes)
        rows, columns = np.nonzero(complete < 128)
        assert columns.min() == pytest.approx(MARGIN, abs=3)
        assert columns.max() == pytest.approx(SIZE - MARGIN, abs=3)
        assert rows.min() + rows.max() == pytest.approx(SIZE, abs=3)

    @given(
        st.lists(
            st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=9).map(
                lambda points: Stroke(*map(list, zip(*points, strict=True)))
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_every_drawing_is_visible_and_nothing_is_cut_off(self, strokes: list[Stroke]) -> None:
        frames = list(draw_prefixes(strokes))
        assert frames[0].min() == 0
        border = np.ones((SIZE, SIZE), bool)
        border[MARGIN // 2 : -MARGIN // 2, MARGIN // 2 : -MARGIN // 2] = False
        assert (frames[-1][border] == 255).all()

    def test_simplified_and_raw_strokes_look_the_same(self, shared_data: Path) -> None:
        drawings = []
        for form in ("simplified", "raw"):
            source = QuickDraw.locate(shared_data / "quickdraw" / form)
            drawings.append({drawing.key_id: drawing for drawing in source.records() if drawing.category == "cat"})
        for key in sorted(drawings[0].keys() & drawings[1].keys()):
            simplified, raw = (list(draw_prefixes(found[key].strokes))[-1] for found in drawings)
            ink = [float((255 - frame.astype(int)).sum()) for frame in (simplified, raw)]
            assert ink[0] == pytest.approx(ink[1], rel=0.15)


class TestBuilder:
    def test_builds_the_bundled_drawings(self, source: QuickDraw, tmp_path: Path) -> None:
        report = build(QuickDrawBuilder(source, per_category=3), tmp_path)
        samples = list(read_samples(tmp_path / "test" / "QuickDraw_preprocessed.jsonl", "QD"))
        assert report.samples == len(samples) == 3 * len(source.files)
        known = {category_text(name) for name in CATEGORIES}
        for sample in samples:
            assert sample.prompt in QUESTIONS
            assert sorted(map(is_abstention, sample.options)) == [False, True]
            assert len(set(sample.categories)) == 4
            assert set(sample.categories) <= known
            assert sample.first_image == 0
            assert sample.num_images == sample.reference_image + 1 >= 2
            dataset, category, key_id, _ = sample.image_template.split("/")
            assert (dataset, category_text(category.replace("_", " "))) == ("QuickDraw", sample.answer)
            assert key_id.isdigit()
            frames = sorted((tmp_path / "test" / sample.image_template).parent.iterdir())
            assert [frame.name for frame in frames] == [f"{n:04d}.png" for n in range(sample.num_images)]
            with Image.open(frames[0]) as image:
                assert (image.format, image.mode, image.size) == ("PNG", "L", (SIZE, SIZE))
                image.load()
        assert {sample.categories.index(sample.answer) for sample in samples} == {0, 1, 2, 3}
        assert {is_abstention(sample.options[0]) for sample in samples} == {True, False}

    def test_a_sample_does_not_depend_on_the_other_categories(self, source: QuickDraw) -> None:
        alone = QuickDrawBuilder(source, categories=["cat"])
        assert alone.units() == ["cat"]
        assert list(alone.plan("cat").samples) == list(QuickDrawBuilder(source).plan("cat").samples)

    def test_the_seed_decides(self, source: QuickDraw) -> None:
        plans = [list(QuickDrawBuilder(source, seed=seed).plan("cat").samples) for seed in (0, 0, 1)]
        assert plans[0] == plans[1] != plans[2]

    def test_reports_what_is_left_out(self, tmp_path: Path, bundled_quickdraw: Path) -> None:
        lines = (bundled_quickdraw / "cat.ndjson").read_bytes().splitlines()[:3]
        entry = json.loads(lines[0])
        entry["drawing"] = entry["drawing"][:1]
        entry["recognized"] = True
        raw = tmp_path / "raw"
        raw.mkdir()
        (raw / "cat.ndjson").write_bytes(b"\n".join([json.dumps(entry).encode(), *lines[1:], b"{torn"]))
        report = build(QuickDrawBuilder(QuickDraw.locate(raw)), tmp_path / "out")
        assert report.left_out["fewer than two strokes"] == 1
        assert report.left_out["the rest of cat (2 usable drawings, 10 asked for)"] == 1
        assert [problem.where for problem in report.problems] == [f"{raw / 'cat.ndjson'}:4"]

    def test_a_category_without_a_usable_drawing_is_named(self, source: QuickDraw, tmp_path: Path) -> None:
        (tmp_path / "zigzag.ndjson").write_bytes(b"\n")
        empty = QuickDraw.locate(tmp_path)
        plan = QuickDrawBuilder(QuickDraw({**source.files, **empty.files})).plan("zigzag")
        assert [skip.reason for skip in plan.skipped] == ["category zigzag has no recognised drawing with two strokes"]

    def test_other_raw_data_is_another_build(self, source: QuickDraw, tmp_path: Path, bundled_quickdraw: Path) -> None:
        build(QuickDrawBuilder(source, categories=["cat"]), tmp_path / "out")
        lines = (bundled_quickdraw / "cat.ndjson").read_bytes()
        (tmp_path / "cat.ndjson").write_bytes(lines + lines)
        with pytest.raises(UsageError, match="raw data was"):
            build(QuickDrawBuilder(QuickDraw.locate(tmp_path), categories=["cat"]), tmp_path / "out")

    def test_unknown_and_missing_categories_are_named(self, source: QuickDraw) -> None:
        with pytest.raises(UsageError, match=r"no category 'catt'\. Did you mean cat"):
            QuickDrawBuilder(source, categories=["cat", "catt"])
        with pytest.raises(UsageError, match=r"zigzag\.ndjson"):
            QuickDrawBuilder(source, categories=["zigzag"])
        with pytest.raises(UsageError, match="at least 1"):
            QuickDrawBuilder(source, per_category=0)

    def test_png_bytes_are_the_pixels(self, source: QuickDraw) -> None:
        builder = QuickDrawBuilder(source)
        planned = builder.plan("cat").samples[0]
        first, again = list(builder.render(planned)), list(builder.render(planned))
        assert first == again
        for frame in first:
            with Image.open(io.BytesIO(frame.data)) as image:
                assert np.unique(np.asarray(image)).size > 2
