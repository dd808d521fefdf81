"""Proposals for the labels of VSOD: where a video is occluded longest and fullest, as a table and contact sheets.

A person looks at the sheets and fills in the table (`vsod_labels` reads it): kind of question, answer, whether the
occlusion is strong. The first frame of a proposal is the middle of those that are covered most; its reference is the
nearest of those that are covered least, for what is asked has to be the same there. The table comes last and is never
written over, for it holds somebody's work.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont
from rich.progress import Progress

from builders.pictures import encode_jpeg, read_picture
from builders.vsod_labels import JUDGEMENT, PLACE
from proactivebench.errors import UsageError
from proactivebench.work.files import write_whole
from proactivebench.work.quiet import QUIET
from raw_sources.base import Problem, SourceError
from raw_sources.vsod import Vsod, VsodRecord

PER_VIDEO = 2
"""The most proposals for one video."""

THUMBNAIL = 240
"""Longest edge of a thumbnail in pixels."""

STRIPS_PER_PAGE = 8

_CONTEXT = (0.1, 0.5, 0.9)
"""Further frames on the sheet, as fractions of the video."""

_HEADER = 24
_MARGIN = 6


class Occlusion(NamedTuple):
    """An occlusion without a break; numbers of frames, `covered` is the share of the frame, 0 to 1, at its fullest."""

    start: int
    stop: int
    first_image: int
    reference_image: int
    covered: float


@dataclass(slots=True)
class ProposalReport:
    """What was proposed.

    Attributes:
        rows: Number of proposals.
        pages: Contact sheets.
        without_occlusion: Videos in which nothing is occluded.
        problems: Raw data that is broken or missing.
    """

    rows: int = 0
    pages: list[Path] = field(default_factory=list)
    without_occlusion: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find_occlusions(covered: Sequence[float]) -> list[Occlusion]:
    """Finds the occlusions of a video, the longest and fullest first.

    Args:
        covered: The covered share of every frame, 0 to 1.
    """
    found = []
    for occluded, run in groupby(range(len(covered)), key=lambda number: covered[number] > 0):
        frames = list(run)
        if not occluded:
            continue
        fullest = max(covered[number] for number in frames)
        peak = [number for number in frames if covered[number] == fullest]
        first = peak[len(peak) // 2]
        reference = min(range(len(covered)), key=lambda number: (covered[number], abs(number - first)))
        if covered[reference] < fullest:
            area = sum(covered[number] for number in frames)
            found.append((-area, Occlusion(frames[0], frames[-1], first, reference, fullest)))
    return [occlusion for _, occlusion in sorted(found)]


def propose(source: Vsod, path: Path, progress: Progress = QUIET) -> ProposalReport:
    """Writes a table of proposals, and contact sheets beside it.

    The videos of the test split are looked through, those of the train split where there are no others.

    Args:
        source: The videos.
        path: The CSV file; the sheets are called `<its stem>-001.jpg` and so on.
        progress: Shows how far it is.

    Raises:
        UsageError: The file is there already, or there is nothing to propose.
        OSError: A file cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} is there already and may hold your work. Choose another file.")
    report = ProposalReport()
    rows: list[dict[str, object]] = []
    strips: list[Image.Image] = []
    for record, occlusion in _occlusions(source, report, progress):
        try:
            strip = draw_strip(record, occlusion)
        except SourceError as error:
            report.problems.append(Problem(f"{record.split}/{record.video}", str(error)))
            continue
        page = path.with_name(f"{path.stem}-{len(rows) // STRIPS_PER_PAGE + 1:03}.jpg")
        strips.append(strip)
        rows.append(_row(record, occlusion) | {"sheet": page.name})
        if len(strips) == STRIPS_PER_PAGE:
            _write_page(page, strips, report)
    if not rows:
        raise UsageError(f"{source.folder} has no video with an occlusion to propose.")
    if strips:
        _write_page(page, strips, report)
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, [*PLACE, "occlusion", "sheet", *JUDGEMENT], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, [table.getvalue().encode()])
    report.rows = len(rows)
    return report


def _occlusions(source: Vsod, report: ProposalReport, progress: Progress) -> Iterator[tuple[VsodRecord, Occlusion]]:
    """The occlusions to propose, video by video."""
    videos = source.videos()
    task = progress.add_task("VSOD: looking for occlusions")
    chosen = [(split, name) for split, name in videos if split == videos[0][0]]
    for split, name in progress.track(chosen, task_id=task):
        record = source.read_video(split, name, report.problems)
        if record is None:
            continue
        found = find_occlusions([frame.covered for frame in record.frames])[:PER_VIDEO]
        if not found:
            report.without_occlusion.append(f"{split}/{name}")
        yield from ((record, occlusion) for occlusion in found)


def _row(record: VsodRecord, occlusion: Occlusion) -> dict[str, object]:
    return {
        "video": f"{record.split}/{record.video}",
        "first_image": occlusion.first_image,
        "reference_image": occlusion.reference_image,
        "occlusion": f"frames {occlusion.start} to {occlusion.stop}, up to {occlusion.covered:.0%}",
    }


def draw_strip(record: VsodRecord, occlusion: Occlusion) -> Image.Image:
    """Draws a proposal: first frame, reference frame, and what else the video shows.

    Raises:
        SourceError: A frame cannot be read.
    """
    frames = {"first": occlusion.first_image, "reference": occlusion.reference_image}
    frames |= {f"at {share:.0%}": int(share * len(record.frames)) for share in _CONTEXT}
    thumbnails = [read_picture(record.frames[number].picture) for number in frames.values()]
    for thumbnail in thumbnails:
        thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
    height = max(thumbnail.height for thumbnail in thumbnails)
    step = THUMBNAIL + _MARGIN
    strip = Image.new("RGB", (step * len(frames) + _MARGIN, height + 2 * _HEADER), "white")
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(14)
    row = _row(record, occlusion)
    draw.text((_MARGIN, 4), f"{row['video']}: {row['occlusion']}", fill="black", font=font)
    for place, ((name, number), thumbnail) in enumerate(zip(frames.items(), thumbnails, strict=True)):
        left = _MARGIN + place * step
        draw.text((left, _HEADER), f"{name}: {number}", fill="#555555", font=font)
        strip.paste(thumbnail, (left, 2 * _HEADER))
    return strip


def _write_page(page: Path, strips: list[Image.Image], report: ProposalReport) -> None:
    """Writes the strips one below the other, and takes them off the list."""
    sheet = Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips) + _MARGIN), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    write_whole(page, [encode_jpeg(sheet)])
    report.pages.append(page)
    strips.clear()
