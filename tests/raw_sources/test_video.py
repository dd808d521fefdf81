"""Frames by time stamp, from the codecs that YouTube gives, whole and damaged."""

import struct
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from raw_sources import video
from raw_sources.fakes.videos import write_video
from raw_sources.video import VideoError, duration_seconds, frames_at, readable_seconds

CODECS = [("x.mp4", "libx264"), ("x.webm", "libvpx-vp9"), ("x.webm", "libsvtav1"), ("x.mkv", "libx264")]


def shade(index: int) -> int:
    return 20 + 37 * index % 200


def write(path: Path, codec: str, times: Sequence[float], noise: bool = False) -> Path:
    rng = np.random.default_rng(0)
    frames = []
    for index, time in enumerate(times):
        pixels = np.full((64, 96, 3), shade(index), np.uint8)
        if noise:  # makes a file of some length
            pixels[:16] = rng.integers(0, 255, (16, 96, 3))
        frames.append((time, Image.fromarray(pixels)))
    write_video(path, codec, frames)
    return path


def shades(path: Path, seconds: Sequence[float]) -> list[float]:
    return [float(np.asarray(frame.image)[32:].mean()) for frame in frames_at(path, seconds)]


@pytest.mark.parametrize(("name", "codec"), CODECS)
def test_each_second_shows_the_frame_that_is_on_screen(tmp_path: Path, name: str, codec: str) -> None:
    path = write(tmp_path / name, codec, [index / 5 for index in range(30)])
    seconds = [0.0, 0.1, 1.0, 1.0, 3.5, 5.8]
    assert shades(path, seconds) == pytest.approx([shade(i) for i in (0, 0, 5, 5, 17, 29)], abs=6)
    frame = next(frames_at(path, [2.0]))
    assert (frame.second, frame.image.mode, frame.image.size) == (2.0, "RGB", (96, 64))
    assert duration_seconds(path) == pytest.approx(6.0, abs=0.25)


@given(st.lists(st.integers(40, 3000), min_size=1, max_size=12), st.lists(st.integers(0, 20_000), max_size=6))
def test_a_variable_frame_rate_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], asked: list[int]
) -> None:
    times = np.cumsum([0, *gaps]) / 1000
    seconds = sorted(ms / 1000 for ms in asked if ms / 1000 <= times[-1])
    expected = [shade(int(np.searchsorted(times, second, side="right")) - 1) for second in seconds]
    path = write(tmp_path_factory.getbasetemp() / "x.mkv", "libx264", times.tolist())
    assert shades(path, seconds) == pytest.approx(expected, abs=6)


def test_seconds_count_from_the_first_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mkv", "libx264", [7 + index / 5 for index in range(10)])
    assert shades(path, [0.0, 1.0]) == pytest.approx([shade(0), shade(5)], abs=6)


def test_the_last_frame_stands_a_second_longer_and_no_more(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4", "libx264", [index / 5 for index in range(11)])
    assert shades(path, [2.0, 3.0]) == pytest.approx([shade(10)] * 2, abs=6)
    with pytest.raises(VideoError, match=r"up to 2\.0 s could be read, but 3\.5 s") as caught:
        list(frames_at(path, [1.0, 3.5]))
    assert caught.value.reached == pytest.approx(2.0)


@pytest.mark.parametrize(("name", "codec"), CODECS)
@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_damaged_tail_gives_what_is_before_it_and_says_how_far(
    tmp_path: Path, name: str, codec: str, damage: str
) -> None:
    path = write(tmp_path / name, codec, [index / 5 for index in range(100)], noise=True)
    data = path.read_bytes()
    middle = len(data) // 2
    tail = b"" if damage == "cut" else np.random.default_rng(0).bytes(len(data) - middle)
    path.write_bytes(data[:middle] + tail)
    got = []
    with pytest.raises(VideoError, match="could be read, but") as caught:
        for frame in frames_at(path, range(20)):
            got.append(float(np.asarray(frame.image)[32:].mean()))  # noqa: PERF401 - it ends in an error
    assert 4 <= len(got) <= 15
    assert caught.value.reached == pytest.approx(len(got) - 1, abs=1)
    whole = int(caught.value.reached)  # beyond lies the frame that is half overwritten, which VP9 cannot tell
    assert got[:whole] == pytest.approx([shade(5 * second) for second in range(whole)], abs=8)


def test_no_videos_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video " * 100)
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(8000))
    for name in ("empty.mp4", "text.mp4", "sound.wav", "nowhere.mp4", "."):
        with pytest.raises(VideoError, match=r"not a readable video|contains no pictures"):
            next(frames_at(tmp_path / name, [0.0]))
        with pytest.raises(VideoError):
            duration_seconds(tmp_path / name)


def test_a_name_that_looks_like_an_option_or_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-abc_DEF-12.mkv", "http:x.mkv"):
        write(tmp_path / name, "libx264", [0.0, 0.2])
        assert len(list(frames_at(Path(name), [0.0]))) == 1


def test_a_list_of_other_files_is_not_followed_to_the_network(tmp_path: Path) -> None:
    path = tmp_path / "x.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError):
        next(frames_at(path, [0.0]))


def test_frames_that_are_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.mkv", "libx264", [0.0, 0.2])
    monkeypatch.setattr(video, "MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(VideoError, match="96 x 64 are too large"):
        next(frames_at(path, [0.0]))


def test_metadata_that_is_not_text_does_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4", "libx264", [0.0, 0.2])
    path.write_bytes(path.read_bytes().replace(b"VideoHandler", b"VideoHand\xff\xfe\xfd"))
    assert len(list(frames_at(path, [0.0, 0.2]))) == 2
    assert duration_seconds(path) == pytest.approx(0.4)


def test_a_codec_that_nobody_knows_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4", "libx264", [0.0, 0.2])
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    for read in (lambda: list(frames_at(path, [0.0])), lambda: readable_seconds(path), lambda: duration_seconds(path)):
        with pytest.raises(VideoError, match=r"x\.mp4: it is in a codec that FFmpeg cannot decode"):
            read()


def test_whatever_the_decoder_raises_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.mp4", "libx264", [0.0, 0.2])
    monkeypatch.setattr(av, "open", lambda *args, **options: 1 / 0)
    with pytest.raises(VideoError, match=r"x\.mp4: not a readable video \(division by zero\)"):
        next(frames_at(path, [0.0]))


CORNERS = np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [250, 250, 250]]], np.uint8)


def turned(path: Path, matrix: Sequence[float]) -> Path:
    """A picture of four coloured quarters, 96 x 64, whose mp4 says to turn it by `matrix` (a, b, c, d)."""
    image = Image.fromarray(CORNERS.repeat(32, axis=0).repeat(48, axis=1))
    write_video(path, "libx264", [(0.0, image), (0.2, image)])
    data, one = path.read_bytes(), 1 << 16
    header = data.index(b"tkhd")
    upright = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    a, b, c, d = (int(number * one) for number in matrix)
    other = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:header] + data[header:].replace(upright, other, 1))
    return path


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((0, 1, -1, 0), np.rot90(CORNERS, -1)),  # what a phone held upright writes: a quarter clockwise
        ((0, -1, 1, 0), np.rot90(CORNERS)),
        ((-1, 0, 0, -1), np.rot90(CORNERS, 2)),
        ((-1, 0, 0, 1), CORNERS[:, ::-1]),
        ((1, 0, 0, -1), CORNERS[::-1]),
        ((0, 1, 1, 0), CORNERS.transpose(1, 0, 2)),
        ((0, -1, -1, 0), np.rot90(CORNERS, 2).transpose(1, 0, 2)),
        ((0, 0, 0, 0), CORNERS),
    ],
)
def test_a_video_that_was_filmed_turned_is_upright(tmp_path: Path, matrix: Sequence[float], expected: Any) -> None:
    frame = next(frames_at(turned(tmp_path / "x.mp4", matrix), [0.0])).image
    corners = np.asarray(frame.resize((2, 2), Image.Resampling.BOX), float)
    assert np.abs(corners - expected).max() < 25
    wide = abs(matrix[0]) >= abs(matrix[1])
    assert frame.size == ((96, 64) if wide else (64, 96))


def test_a_video_that_was_filmed_askew_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"x\.mp4: it is to be shown turned by no right angle"):
        next(frames_at(turned(tmp_path / "x.mp4", (0.7, 0.7, -0.7, 0.7)), [0.0]))


@pytest.mark.parametrize("seconds", [[1.0, 0.5], [-1.0]])
def test_seconds_that_do_not_ascend_are_wrong(tmp_path: Path, seconds: list[float]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        next(frames_at(tmp_path / "x.mkv", seconds))


def test_a_header_without_length_leaves_the_packets(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.webm", "libvpx-vp9", [index / 5 for index in range(30)])
    live = tmp_path / "live.webm"
    with av.open(str(whole)) as source, av.open(str(live), "w", options={"live": "1"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    with av.open(str(live)) as check:
        assert check.duration is None
    assert duration_seconds(live) == pytest.approx(6.0, abs=0.25)
