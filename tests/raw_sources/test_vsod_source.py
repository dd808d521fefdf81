"""VSOD: annotations, and the pairing of frames with them."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from raw_sources import fakes
from raw_sources.base import SourceNotFoundError
from raw_sources.vsod import MAX_BOXES, Box, Vsod, VsodFrame, parse_annotation

SIZE = (200, 100)

unit_pairs = (
    st.tuples(st.integers(0, 19), st.integers(1, 20)).map(lambda p: (min(p), max(p))).filter(lambda p: p[0] < p[1])
)
boxes = st.builds(lambda x, y: (x[0], y[0], x[1], y[1]), unit_pairs, unit_pairs)


def no_size() -> tuple[int, int]:
    raise AssertionError("the frame need not be opened")


def parse(xml: str) -> tuple[Box, ...]:
    return parse_annotation(xml.encode(), no_size)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_vsod(tmp_path_factory.mktemp("vsod")).parent


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "raw"))


def annotation(raw: Path, name: str) -> Path:
    return raw / "OcclusionDataSet-MM20" / "Annotations" / "test" / "video_000" / name


def test_videos_have_their_frames_in_order_and_the_van_covers_the_middle(made: Path) -> None:
    first, second = Vsod.locate(made).records()
    assert (first.split, first.video, second.video) == ("test", "video_000", "video_001")
    assert [frame.picture.name for frame in first.frames[:2]] == ["0000.jpg", "0001.jpg"]
    covered = [frame.covered for frame in first.frames]
    assert covered[0] == covered[-1] == 0.0
    assert max(range(24), key=covered.__getitem__) == 12
    assert max(covered) > 0.8


def test_verify_counts(made: Path) -> None:
    inventory = Vsod.locate(made).verify()
    assert inventory.counts == {"videos": 2, "frames": 48, "occluded frames": 38}
    assert inventory.problems == []


def test_a_missing_annotation_leaves_the_whole_video_out(raw: Path) -> None:
    annotation(raw, "0003.xml").unlink()
    source = Vsod.locate(raw)
    assert [record.video for record in source.records()] == ["video_001"]
    (problem,) = source.verify().problems
    assert "video_000: 24 frames and 23 annotations" in str(problem)


def test_a_corrupt_annotation_and_a_cut_frame_are_named(raw: Path) -> None:
    annotation(raw, "0003.xml").write_text("<annotation><object>")
    frame = raw / "OcclusionDataSet-MM20" / "Data" / "test" / "video_001" / "0005.jpg"
    frame.write_bytes(frame.read_bytes()[:400])
    source = Vsod.locate(raw)
    assert [record.video for record in source.records()] == ["video_001"]
    where = {problem.where for problem in source.verify().problems}
    assert where == {str(annotation(raw, "0003.xml")), str(frame)}


def test_frames_without_padding_come_in_the_order_of_time(tmp_path: Path) -> None:
    for index in range(12):
        for kind, ending in (("Data", "PNG"), ("Annotations", "XML")):
            path = tmp_path / kind / "train" / "v" / f"{index}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "Data":
                Image.new("L", SIZE).save(path)
            else:
                path.write_text(fakes.voc_xml("x", SIZE, [(0, 0, 10 * index + 10, 100)]))
    (record,) = Vsod.locate(tmp_path).records()
    assert record.split == "train"
    assert [frame.picture.stem for frame in record.frames] == [str(index) for index in range(12)]
    assert [frame.covered for frame in record.frames] == pytest.approx([(index + 1) / 20 for index in range(12)])


def test_frames_do_not_get_the_annotations_of_others(raw: Path) -> None:
    data = annotation(raw, "x").parents[3] / "Data" / "test" / "video_000"
    (data / "0005.jpg").unlink()
    annotation(raw, "0009.xml").unlink()
    problems = Vsod.locate(raw).verify().problems
    assert [problem.where for problem in problems] == [str(data / "0006.jpg")]
    assert "0006.jpg and 0005.xml are in the same place, though others have one name" in problems[0].what
    for file in sorted(data.iterdir()):
        file.rename(data / f"frame-{file.name}")
    assert not Vsod.locate(raw).verify().problems, "names of two kinds say nothing"


def test_imagenet_with_boxes_is_not_taken_for_vsod(tmp_path: Path) -> None:
    for kind in ("Data", "Annotations"):
        (tmp_path / "ILSVRC" / kind / "CLS-LOC" / "val").mkdir(parents=True)
    with pytest.raises(SourceNotFoundError, match="Data/test/<video>/"):
        Vsod.locate(tmp_path)


@given(st.lists(boxes, max_size=5))
def test_boxes_come_back_as_fractions_and_overlaps_count_once(cells: list[tuple[int, int, int, int]]) -> None:
    pixels = [(left * 10, top * 5, right * 10, bottom * 5) for left, top, right, bottom in cells]
    read = parse(fakes.voc_xml("x.jpg", SIZE, pixels))
    assert read == tuple(Box(a / 20, b / 20, c / 20, d / 20) for a, b, c, d in cells)
    union = {(x, y) for a, b, c, d in cells for x in range(a, c) for y in range(b, d)}
    assert VsodFrame(Path("x"), read).covered == pytest.approx(len(union) / 400)


@given(st.binary(max_size=200))
def test_any_bytes_are_boxes_or_a_clear_refusal(xml: bytes) -> None:
    try:
        parse_annotation(xml, lambda: SIZE)
    except ValueError as error:
        assert str(error)


def test_a_box_that_reaches_beyond_the_frame_is_clipped() -> None:
    assert parse(fakes.voc_xml("x", SIZE, [(-20, 50, 260, 140)])) == (Box(0.0, 0.5, 1.0, 1.0),)


def test_the_frame_gives_the_size_where_the_annotation_does_not() -> None:
    xml = fakes.voc_xml("x", (0, 0), [(0, 0, 100, 100)])
    assert parse_annotation(xml.encode(), lambda: SIZE) == (Box(0.0, 0.0, 0.5, 1.0),)


@pytest.mark.parametrize(
    ("xml", "what"),
    [
        (fakes.voc_xml("x", SIZE, [(50, 0, 50, 9)]), "empty or outside"),
        (fakes.voc_xml("x", SIZE, [(300, 0, 400, 9)]), "empty or outside"),
        (fakes.voc_xml("x", SIZE, [(0, 0, 9, 9)]).replace("<xmin>0", "<xmin>nan"), "xmin"),
        (
            fakes.voc_xml("x", SIZE, [(0, 0, 9, 9)]).replace("<bndbox>", "<box>").replace("</bndbox>", "</box>"),
            "xmin",
        ),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/hostname"><annotation/>', "document type"),
        ("<annotation>" + " " * (1 << 20), "larger than"),
    ],
)
def test_bad_annotations_say_what_is_wrong(xml: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        parse(xml)


def test_a_document_type_is_refused_in_any_encoding() -> None:
    xml = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    with pytest.raises(ValueError, match="document type"):
        parse_annotation(xml.encode("utf-16"), no_size)


def test_an_annotation_of_endless_boxes_is_refused() -> None:
    xml = fakes.voc_xml("0.jpg", (320, 180), [(0, 0, 10, 10)] * (MAX_BOXES + 1)).encode()
    with pytest.raises(ValueError, match=f"it has {MAX_BOXES + 1} boxes"):
        parse_annotation(xml, lambda: (320, 180))


def test_byte_order_mark_windows_line_ends_and_litter_do_not_matter(raw: Path, made: Path) -> None:
    path = annotation(raw, "0010.xml")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"><", b">\r\n<"))
    for name in (".DS_Store", "._0010.xml"):
        (path.parent / name).touch()
    boxes = [[frame.boxes for frame in record.frames] for record in Vsod.locate(raw).records()]
    assert boxes == [[frame.boxes for frame in record.frames] for record in Vsod.locate(made).records()]
