"""A made-up copy of ChangeIt: annotations in its true layout, and videos in the codecs that YouTube gives."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from PIL import Image

from raw_sources.fakes.pictures import change, litter

os.environ.setdefault("SVT_LOG", "1")  # errors only; read when the AV1 encoder starts

AV1 = {"preset": "11", "svtav1-params": "lp=1:pred-struct=1"}
"""One thread, and no frame out of order: with more, the muxer now and then refuses the last packets."""

CHANGEIT_VIDEOS = (  # category, identifier, container, codec, steady frame rate
    ("apple", "-tHiStLe_01", "mp4", "libx264", True),
    ("butter", "_mAdEuP0002", "webm", "libvpx-vp9", True),
    ("candle", "cAnDlE-0003", "webm", "libsvtav1", True),
    ("beer", "bEeR-poUr04", "mkv", "libx264", False),
)
CHANGEIT_LABELS = (0,) * 6 + (1,) * 6 + (2,) * 8 + (3,) * 6


def make_changeit(folder: Path, videos: int = 4) -> Path:
    """Videos in H.264, VP9 and AV1, the last with a variable frame rate; one more is annotated but not there."""
    root = folder / "ChangeIt"
    root.mkdir(parents=True)
    titles = {"apple": "Apple Peeling/Cutting", "butter": "Butter Melting"}
    titles |= {"candle": "Candle Lighting", "beer": "Beer Pouring"}
    lines = ["DIR_NAME,ACTION_NAME,CENTERING_PARAM", *(f'{name},"{title}",0.309' for name, title in titles.items())]
    (root / "categories.csv").write_text("\n".join(lines) + "\n")
    meanings = ("background/noannotation", "state1", "action", "state2")
    lines = ["LABEL_ID,MEANING", *(f'{label},"{meaning}"' for label, meaning in enumerate(meanings))]
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    (root / "videos").mkdir()
    for name in titles:
        ids = ["nOtThErE-05"] * (name == "apple") + [entry[1] for entry in CHANGEIT_VIDEOS if entry[0] == name]
        (root / "videos" / f"{name}.csv").write_text("\n".join(f"{video_id},0.9" for video_id in ids))
        for video_id in ids:
            path = root / "annotations" / name / f"{video_id}.fps1.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{second},{label}\n" for second, label in enumerate(CHANGEIT_LABELS)))
    for name, video_id, container, codec, steady in CHANGEIT_VIDEOS[:videos]:
        path = root / "downloads" / name / f"{video_id}.{container}"
        path.parent.mkdir(parents=True, exist_ok=True)
        times = [index / 5 for index in range(5 * len(CHANGEIT_LABELS))]
        if not steady:
            times = [time for index, time in enumerate(times) if time < 8 or index % 4 == 0]
        write_video(path, codec, ((time, changeit_frame(name, time)) for time in times))
        litter(path.parent, f"._{path.name}")
    return root


def changeit_frame(name: str, second: float) -> Image.Image:
    """What a made-up video shows at a time."""
    label = CHANGEIT_LABELS[min(int(second), len(CHANGEIT_LABELS) - 1)]
    during = (second - CHANGEIT_LABELS.index(2) + 0.5) / CHANGEIT_LABELS.count(2)
    return change(name, (None, 0.0, min(during, 0.95), 1.0)[label], second)


def write_video(path: Path, codec: str, frames: Iterable[tuple[float, Image.Image]]) -> None:
    """Encodes pictures, each shown from its second on; an mp4 begins with its index, as YouTube's do.

    H.264 has frames out of order (`bf`).
    """
    speed = {"libx264": {"preset": "ultrafast", "bf": "2"}, "libsvtav1": AV1}
    quick = {"deadline": "realtime", "cpu-used": "8"}
    layout = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options={"fflags": "+bitexact", **layout}) as container:
        stream = cast("av.VideoStream", container.add_stream(codec, rate=5, options=speed.get(codec, quick)))
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        stream.codec_context.time_base = Fraction(1, 1000)
        for second, image in frames:
            if not stream.codec_context.is_open:
                stream.width, stream.height = image.size
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame.pts, frame.time_base = round(1000 * second), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
