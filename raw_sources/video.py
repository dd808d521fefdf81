"""Frames of a video at given seconds.

Frames are chosen by their time stamps, never by number: with a variable frame rate, time times average rate names the
wrong frame. The video is decoded once from front to back. PyAV reads all that YouTube gives (H.264, VP9, AV1).

Frames are shown upright, as the ffmpeg command shows them: a video from a phone is stored as its sensor lay and says in
a display matrix how to turn it. A matrix that is neither a turn by a right angle nor a reflection is refused.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from raw_sources.base import SourceError, decoding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_PIXELS = 4096 * 4096
"""Larger frames are refused."""

SKEW = 0.02
"""By what share a display matrix may miss a right angle, as sensors and rounding do."""

TOLERANCE = 1.0
"""How many seconds after the last frame it still stands: lengths of videos and of their annotations are rounded."""

_UPRIGHT = {
    (1, 0, 0, 1): None,
    (0, 0, 0, 0): None,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
"""What a display matrix `(a, b, c, d)` does, which brings the pixel (x, y) to (ax + cy, bx + dy), as Pillow does it."""


class VideoError(SourceError):
    """A video that cannot be read, or not as far as was asked.

    Attributes:
        reached: The second up to which frames could be read, 0.0 if there are none.
    """

    def __init__(self, text: str, reached: float = 0.0) -> None:
        super().__init__(text)
        self.reached = reached


class VideoFrame(NamedTuple):
    """The picture on screen at a second, RGB."""

    second: float
    image: Image.Image


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens a video; whatever the decoder raises in the body becomes a `VideoError`."""
    import av

    options = {"protocol_whitelist": "file"}
    with (
        decoding(path, "video", VideoError),
        av.open(str(path.absolute()), options=options, metadata_errors="replace") as container,
    ):
        if not container.streams.video:
            raise VideoError(f"{path}: it contains no pictures. Download the file again.")
        stream = container.streams.video[0]
        codec: av.VideoCodecContext | None = stream.codec_context
        if codec is None:
            raise VideoError(f"{path}: it is in a codec that FFmpeg cannot decode. Get the file in another format.")
        if codec.width * codec.height > MAX_PIXELS:
            raise VideoError(f"{path}: frames of {codec.width} x {codec.height} are too large.")
        codec.options = {"max_pixels": str(MAX_PIXELS)}
        yield container, stream


def frames_at(path: Path, seconds: Sequence[float]) -> Iterator[VideoFrame]:
    """Yields the frame on screen at each of the seconds, in the order given.

    That is the last frame whose time stamp is not later; seconds count from the first frame.

    Args:
        path: A video in any container and codec that ffmpeg reads.
        seconds: In ascending order, none negative.

    Raises:
        ValueError: The seconds do not ascend.
        VideoError: The video ends or is damaged before the last of the seconds. All frames up to there have been
            yielded by then, and `reached` says where that was; or it cannot be opened, or its frames are too large.
    """
    if any(later < earlier for earlier, later in zip([0.0, *seconds], seconds, strict=False)):
        raise ValueError("seconds must ascend from 0")
    todo = list(reversed(seconds))
    with _opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        last: av.VideoFrame | None = None
        reached = 0.0
        for time, frame in _timed(container, stream):
            while todo and last is not None and todo[-1] < time:
                yield VideoFrame(todo.pop(), _picture(last, path))
            if not todo:
                return
            last, reached = frame, time
        while todo and last is not None and todo[-1] <= reached + TOLERANCE:
            yield VideoFrame(todo.pop(), _picture(last, path))
    if todo:
        what = f"frames up to {reached:.1f} s could be read, but {todo[-1]:g} s was asked for"
        raise VideoError(f"{path}: {what}. The file is cut or damaged, or belongs to another video.", reached)


def _picture(frame: av.VideoFrame, path: Path) -> Image.Image:
    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return image
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    unit = max(map(abs, (a, b, c, d))) or 1
    shares = [x / unit for x in (a, b, c, d)]
    turn = tuple(map(round, shares))
    if turn not in _UPRIGHT or any(abs(share - whole) > SKEW for share, whole in zip(shares, turn, strict=True)):
        raise VideoError(f"{path}: it is to be shown turned by no right angle. Get the file again, upright.")
    upright = _UPRIGHT[turn]
    return image if upright is None else image.transpose(upright)


def _timed(container: InputContainer, stream: VideoStream) -> Iterator[tuple[float, av.VideoFrame]]:
    """All frames in the order of time with their seconds after the first one, up to the first damage.

    What follows damage is left out even where the decoder continues: it fills in what it lacks from other pictures.
    """
    first: float | None = None
    for frame in _decoded(container, stream):
        if frame.is_corrupt or frame.pts is None or stream.time_base is None:
            return
        time = float(frame.pts * stream.time_base)  # `frame.time` is not a number for frames that come out last
        first = time if first is None else first
        yield time - first, frame


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    import av

    with suppress(av.FFmpegError):
        for packet in container.demux(stream):
            if packet.is_corrupt:
                break
            yield from stream.codec_context.decode(packet)
    with suppress(av.FFmpegError):  # at damage some frames still wait to be put in order; at the end none do
        yield from stream.codec_context.decode(None)


def readable_seconds(path: Path) -> float:
    """The second after the first frame up to which a video holds frames, found without decoding any.

    A file that is cut holds less than its header says.

    Raises:
        VideoError: It cannot be opened, or it has no frames.
    """
    import av

    times: list[int] = []
    with _opened(path) as (container, stream):
        with suppress(av.FFmpegError):
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    break
                if packet.pts is not None:
                    times.append(packet.pts)
        if not times or stream.time_base is None:
            raise VideoError(f"{path}: it contains no pictures. Download the file again.")
        return float((max(times) - min(times)) * stream.time_base)


def duration_seconds(path: Path) -> float:
    """How long a video lasts: what its header says, else (headers of streams and recordings may not) its last packet.

    Raises:
        VideoError: It cannot be opened, or it has no pictures.
    """
    import av

    with _opened(path) as (container, stream):
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if container.duration is not None:
            return container.duration / av.time_base
        ends = [
            float((packet.pts + (packet.duration or 0)) * packet.time_base)
            for packet in container.demux(stream)
            if packet.pts is not None and packet.time_base is not None
        ]
        return max(ends, default=0.0)


def video_versions() -> dict[str, str]:
    """Name -> version of the libraries that decide the pixels of frames."""
    import av

    libraries = {name: ".".join(map(str, av.library_versions[name])) for name in ("libavcodec", "libswscale")}
    return {"av": av.__version__, **libraries}
