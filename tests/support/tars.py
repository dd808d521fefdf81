"""A benchmark's frames put into tars, by the tar library and a plain loop."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path


def move_to_tars(frames: Path, per_tar: int = 5) -> None:
    """Replaces the files of a folder of frames (`test/QuickDraw`) by tars with that many each, and an index."""
    paths = sorted((path for path in frames.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
    lines = []
    for number, first in enumerate(range(0, len(paths), per_tar)):
        with tarfile.open(frames / f"{number:05}.tar", "w") as tar:
            for path in paths[first : first + per_tar]:
                member = tarfile.TarInfo(path.relative_to(frames.parent).as_posix())
                member.size = path.stat().st_size
                lines.append(f"{member.name}\t{number}\t{tar.offset}\t{member.size}\n")
                tar.addfile(member, io.BytesIO(path.read_bytes()))
    for folder in filter(Path.is_dir, list(frames.iterdir())):
        shutil.rmtree(folder)
    (frames / "frames.tsv").write_text("".join(sorted(lines)))
