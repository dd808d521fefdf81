"""Raw Quick, Draw! files: finding them, reading their lines, picking drawings."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from raw_sources import quickdraw_lines
from raw_sources.base import SourceError, SourceNotFoundError
from raw_sources.quickdraw import CATEGORIES, QuickDraw, Selection, read_drawing
from raw_sources.quickdraw_lines import parse_drawing


def line(key_id: int, strokes: list[Any] | None = None, *, word: str = "cat", recognized: bool = True) -> bytes:
    drawing = [[[0, 10], [0, 255]], [[5, 5, 9], [7, 8, 9]]] if strokes is None else strokes
    entry = {
        "word": word,
        "countrycode": "IT",
        "timestamp": "2017-03-10 22:17:57.57466 UTC",
        "recognized": recognized,
        "key_id": str(key_id),
        "drawing": drawing,
    }
    return json.dumps(entry, separators=(",", ":")).encode()


def write(path: Path, *lines: bytes, end: bytes = b"\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + end)
    return path


def keys(selection: Selection) -> list[str]:
    return [ref.key_id for ref in selection.chosen]


def test_categories_are_the_official_345() -> None:
    assert len(set(CATEGORIES)) == 345
    assert {"aircraft carrier", "The Eiffel Tower", "t-shirt", "zigzag"} <= set(CATEGORIES)


class TestLocate:
    def test_finds_every_spelling_at_any_depth(self, tmp_path: Path) -> None:
        write(tmp_path / "a" / "b" / "cat.ndjson", line(1))
        write(tmp_path / "full_simplified_alarm clock.ndjson", line(1))
        write(tmp_path / "The%20Eiffel%20Tower.ndjson", line(1))
        write(tmp_path / "._cat.ndjson", b"litter")
        write(tmp_path / "notes.ndjson", b"something else")
        assert list(QuickDraw.locate(tmp_path).files) == ["alarm clock", "cat", "The Eiffel Tower"]

    def test_prefers_simplified_for_each_category(self, tmp_path: Path) -> None:
        simplified = write(tmp_path / "simplified" / "cat.ndjson", line(1))
        raw = write(tmp_path / "raw" / "cat.ndjson", line(1))
        only_raw = write(tmp_path / "raw" / "dog.ndjson", line(1))
        source = QuickDraw.locate(tmp_path)
        assert source.files == {"cat": simplified, "dog": only_raw}
        assert source.duplicates == ()
        assert QuickDraw.locate(tmp_path / "raw").files["cat"] == raw

    def test_a_second_copy_is_named(self, tmp_path: Path) -> None:
        write(tmp_path / "a" / "cat.ndjson", line(1))
        copy = write(tmp_path / "b" / "cat.ndjson", line(1))
        assert QuickDraw.locate(tmp_path).verify().problems[0].where == str(copy)

    @pytest.mark.parametrize("folder", ["", "missing"])
    def test_says_what_was_looked_for(self, tmp_path: Path, folder: str) -> None:
        with pytest.raises(SourceNotFoundError, match=r"ndjson|not a folder"):
            QuickDraw.locate(tmp_path / folder)


class TestParse:
    def test_raw_strokes_lose_their_times(self) -> None:
        drawing = parse_drawing(line(7, [[[-1.5, 2755], [0.25, 3], [0, 40]], [[4], [5], [90]]]), "cat")
        assert drawing.key_id == "7"
        assert drawing.strokes == (([-1.5, 2755], [0.25, 3]), ([4], [5]))

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (line(1)[:-9], "not valid JSON"),
            (b'{"word": "c\xff"}', "not valid JSON"),
            (b"[1]", "JSON object"),
            (line(1, word="dog"), "word is 'dog', expected 'cat'"),
            (line(1).replace(b'"1"', b"1"), "key_id"),
            (line(1).replace(b'"1"', b'"../1"'), "key_id"),
            (line(1).replace(b"true", b'"yes"'), "recognized"),
            (line(1, []), "1 to 5000 strokes"),
            (line(1, [[[1]]]), "stroke 1 must be"),
            (line(1, [[[1, 2], [1]]]), "as many x as y"),
            (line(1, [[[1], [1]], [[], []]]), "stroke 2 .* at least one"),
            (line(1, [[[1], ["1"]]]), "y must be numbers"),
            (line(1, [[[True], [1]]]), "x must be numbers"),
            (line(1, [[[1], [None]]]), "y must be numbers"),
            (line(1, [[[1e300], [1]]]), "x must be numbers"),
        ],
    )
    def test_says_what_is_wrong(self, data: bytes, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            parse_drawing(data, "cat")

    coordinate = st.integers(-1000, 3000) | st.floats(-1e6, 1e6)
    points = st.lists(st.tuples(coordinate, coordinate, st.integers(0, 10**6)), min_size=1)

    @given(st.lists(points, min_size=1, max_size=9), st.sampled_from([2, 3]), st.integers(0, 2**63), st.booleans())
    def test_gives_back_every_drawing(self, strokes: list[Any], axes: int, key_id: int, recognized: bool) -> None:
        columns = [list(map(list, zip(*stroke, strict=True)))[:axes] for stroke in strokes]
        drawing = parse_drawing(line(key_id, columns, recognized=recognized), "cat")
        assert (drawing.key_id, drawing.recognized) == (str(key_id), recognized)
        assert [list(stroke) for stroke in drawing.strokes] == [column[:2] for column in columns]

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    )

    @given(json_values)
    def test_anything_else_is_a_value_error_or_a_sound_drawing(self, value: Any) -> None:
        data = line(1).replace(b"[[[0,10],[0,255]],[[5,5,9],[7,8,9]]]", json.dumps(value).encode())
        try:
            strokes = parse_drawing(data, "cat").strokes
        except ValueError:
            return
        assert all(len(stroke.x) == len(stroke.y) > 0 for stroke in strokes)

    @given(st.binary(max_size=60))
    @example(b"{}")
    def test_no_bytes_crash_it(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"JSON|word"):  # an object, if hardly ever: then what it lacks
            parse_drawing(data, "cat")


class TestSelect:
    @pytest.fixture
    def lines(self) -> list[bytes]:
        return [line(key, recognized=key % 7 != 0) for key in range(1000, 1200)]

    def select(self, path: Path, lines: list[bytes], count: int = 10, **options: int) -> Selection:
        write(path / "cat.ndjson", *lines)
        return QuickDraw.locate(path).select("cat", count, seed=0, **options)

    def test_takes_recognised_drawings_once(self, tmp_path: Path, lines: list[bytes]) -> None:
        selection = self.select(tmp_path, lines + lines, 1000)
        assert sorted(keys(selection)) == [str(key) for key in range(1000, 1200) if key % 7]
        assert (selection.lines, selection.recognized) == (400, 2 * len(selection.chosen))

    def test_does_not_depend_on_the_order_or_on_other_lines(self, tmp_path: Path, lines: list[bytes]) -> None:
        chosen = keys(self.select(tmp_path, lines))
        shuffled = random.Random(1).sample(lines, len(lines))
        assert keys(self.select(tmp_path, shuffled)) == chosen
        without = [text for text in lines if f'"{chosen[3]}"'.encode() not in text]
        assert keys(self.select(tmp_path, without))[:9] == chosen[:3] + chosen[4:]

    def test_depends_on_the_seed(self, tmp_path: Path, lines: list[bytes]) -> None:
        source = QuickDraw.locate(write(tmp_path / "cat.ndjson", *lines).parent)
        assert keys(source.select("cat", 10, seed=0)) != keys(source.select("cat", 10, seed=1))

    def test_goes_on_after_the_first_ones(self, tmp_path: Path, lines: list[bytes]) -> None:
        first = keys(self.select(tmp_path, lines, 30))
        assert keys(self.select(tmp_path, lines, 20, skip=10)) == first[10:]

    def test_passes_over_single_strokes_and_names_them(self, tmp_path: Path, lines: list[bytes]) -> None:
        chosen = keys(self.select(tmp_path, lines))
        single = line(int(chosen[2]), [[[1, 2], [1, 2]]])
        changed = [single if f'"{chosen[2]}"'.encode() in text else text for text in lines]
        selection = self.select(tmp_path, changed)
        assert selection.too_few_strokes == [chosen[2]]
        assert keys(selection)[:9] == chosen[:2] + chosen[3:]

    def test_names_bad_lines_and_goes_on(self, tmp_path: Path) -> None:
        bad = [b"{not json}", line(3, word="dog"), b"", line(4).replace(b"key_id", b"id"), line(5)[:60]]
        selection = self.select(tmp_path, [line(1), *bad, line(2)])
        assert sorted(keys(selection)) == ["1", "2"]
        places = [problem.where.rpartition(":")[2] for problem in selection.problems]
        assert places == ["2", "3", "5", "6"]
        assert str(tmp_path / "cat.ndjson") in selection.problems[0].where

    def test_reads_a_last_line_without_its_end(self, tmp_path: Path) -> None:
        path = write(tmp_path / "cat.ndjson", line(1), line(2), end=b"")
        assert sorted(keys(QuickDraw.locate(tmp_path).select("cat", 9, 0))) == ["1", "2"]
        path.write_bytes(path.read_bytes()[:-1])
        selection = QuickDraw.locate(tmp_path).select("cat", 9, 0)
        assert keys(selection) == ["1"]
        assert "cut" in selection.problems[0].what

    def test_a_line_without_end_does_not_fill_the_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(quickdraw_lines, "MAX_LINE_BYTES", 1000)
        selection = self.select(tmp_path, [line(1), b"x" * 2500, line(2)])
        assert sorted(keys(selection)) == ["1", "2"]
        assert [problem.where.rpartition(":")[2] for problem in selection.problems] == ["2"]
        for ref in selection.chosen:
            assert read_drawing(ref).key_id == ref.key_id

    def test_memory_does_not_grow_with_the_file(self, tmp_path: Path) -> None:
        def peak(count: int) -> int:
            write(tmp_path / "cat.ndjson", *(line(key) for key in range(count)))
            source = QuickDraw.locate(tmp_path)
            tracemalloc.start()
            try:
                source.select("cat", 5, 0)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        peak(10)
        assert peak(8000) < 2 * peak(400)


def test_read_drawing_notices_a_changed_file(tmp_path: Path) -> None:
    path = write(tmp_path / "cat.ndjson", line(1), line(2))
    refs = QuickDraw.locate(tmp_path).select("cat", 2, 0).chosen
    assert {read_drawing(ref).key_id for ref in refs} == {"1", "2"}
    write(path, line(2), line(1))
    with pytest.raises(SourceError, match="changed"):
        read_drawing(refs[0])


def test_verify_counts_and_names_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "cat.ndjson", line(1), line(2, recognized=False), b"{}")
    source = QuickDraw.locate(tmp_path)
    inventory = source.verify()
    assert inventory.counts == {"categories": 1, "drawings": 2, "recognized": 1}
    assert "344 of 345 categories are missing" in inventory.problems[0].what
    assert inventory.problems[0].what.endswith(" and 339 more")
    assert inventory.problems[1].where.endswith("cat.ndjson:3")
    assert [drawing.key_id for drawing in source.records()] == ["1", "2"]


def pairs(folder: Path) -> Iterator[tuple[Selection, Selection]]:
    simplified, raw = QuickDraw.locate(folder / "simplified"), QuickDraw.locate(folder / "raw")
    for category in CATEGORIES[::40]:
        yield simplified.select(category, 200, 0), raw.select(category, 200, 0)


def test_real_simplified_and_raw_files_give_the_same_draw(shared_data: Path) -> None:
    for simplified, raw in pairs(shared_data / "quickdraw"):
        common = set(keys(simplified)) & set(keys(raw))
        assert common
        assert simplified.problems == raw.problems == []
        assert [k for k in keys(simplified) if k in common] == [k for k in keys(raw) if k in common]
        strokes = {ref.key_id: ref.strokes for ref in raw.chosen}
        assert all(strokes[ref.key_id] == ref.strokes for ref in simplified.chosen if ref.key_id in common)


def test_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "cat.NDJSON"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(line(key) for key in range(100, 105)) + b"\r\n\r\n")
    source = QuickDraw.locate(tmp_path)
    selection = source.select("cat", 5, seed=0)
    assert sorted(keys(selection)) == [str(key) for key in range(100, 105)]
    assert [read_drawing(ref).key_id for ref in selection.chosen] == keys(selection)
    assert selection.problems == source.verify().problems[1:] == []


def test_a_file_that_cannot_be_opened_costs_its_category(tmp_path: Path) -> None:
    write(tmp_path / "dog.ndjson", line(1, word="dog"))
    (tmp_path / "cat.ndjson").symlink_to(tmp_path / "nowhere")
    source = QuickDraw.locate(tmp_path)
    assert [str(problem) for problem in source.select("cat", 1, seed=0).problems] == [
        f"{tmp_path / 'cat.ndjson'}: cannot be read (No such file or directory). Get the file again"
    ]
    assert [drawing.category for drawing in source.records()] == ["dog"]
