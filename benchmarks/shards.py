"""Whether a build has the same bytes from any number of shards, whoever runs them.

What is built: all seven scenarios from the made-up raw data of the demo; ChangeIt from all its real annotations, each
beside the same made-up video; and drawings of two frames, made from real ones. Each is built whole, and by `launch` in
1, 2 and 7 shards, which are merged. Prints one JSON line for each, with SHA-256 over the paths and bytes of all files
of the benchmark; ends with exit code 1 where a checksum is another one than that of the whole build.

    python -m benchmarks.shards --changeit ../shared/data/changeit/ChangeIt --drawings 100000
    python -m benchmarks.shards --executor ray

`slurm` and `ray` need their cluster to run on this machine's disk; `by hand` runs one shard after another, without
datatrove. TMPDIR says where, on a disk that the cluster sees.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.scale import make_raw
from commands.demo import made_up_raw
from raw_sources.fakes.videos import write_video

BY_HAND = "by hand"
SECONDS = 900
"""How long the video lasts; the longest annotation has 890 seconds."""


def demo(place: Path) -> list[object]:
    """Makes the raw data of the demo's tour; returns how they are built."""
    raw, options = made_up_raw(place)
    words = [("--" + name.replace("_", "-"), value) for name, value in options.items()]
    return ["all", "--raw", raw, *(word for pair in words for word in pair)]


def changeit(place: Path, real: Path) -> list[object]:
    """Puts a video beside every real annotation of ChangeIt."""
    raw = place / "ChangeIt"
    shutil.copytree(real, raw)
    video = place / "video.mp4"
    shades = (
        (float(second), Image.new("RGB", (64, 48), (second % 256, 100, 255 - second % 256)))
        for second in range(SECONDS)
    )
    write_video(video, "libx264", shades)
    for annotation in (raw / "annotations").glob("*/*.fps1.csv"):
        link = raw / "downloads" / annotation.parent.name / f"{annotation.name.removesuffix('.fps1.csv')}.mp4"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.hardlink_to(video)
    return ["changeit", "--raw", raw]


def drawings(place: Path, count: int) -> list[object]:
    """Makes drawings."""
    raw = place / "drawings"
    raw.mkdir()
    return ["qd", "--raw", raw, "--per-category", make_raw(raw, count)]


def program(*words: object, here: Path) -> None:
    """Runs the program to its end."""
    command = [sys.executable, "-m", "proactivebench", *map(str, words)]
    done = subprocess.run(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with {done.returncode}: {done.stdout}")


def build(words: Sequence[object], executor: str, shards: int | None, here: Path) -> Path:
    """Builds it in a new folder; whole where there are no shards."""
    out = here / f"{executor.replace(' ', '-')}-{shards}"
    command = ["build", *words, "--out", out]
    if shards is None:
        program(*command, here=here)
    elif executor == BY_HAND:
        for number in range(1, shards + 1):
            program(*command, "--shard", f"{number}/{shards}", here=here)
        program("merge", out, here=here)
    else:
        plan = here / f"{out.name}.toml"
        stage = {"command": shlex.join(map(str, command)), "shards": shards}
        lines = [f"{name} = {json.dumps(value)}" for name, value in stage.items()]
        head = [f'executor = "{executor}"', f'folder = "{out}-launched"', "workers = 1", "[[stages]]"]
        plan.write_text("\n".join([*head, *lines]) + "\n")
        program("launch", plan, here=here)
    return out


def described(folder: Path) -> dict[str, Any]:
    """How many files a benchmark has, and their checksum."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return {"files": len(paths), "sha256": digest.hexdigest()}


def measure(
    name: str, words: Sequence[object], executor: str, shards: Sequence[int], here: Path
) -> Iterator[dict[str, Any]]:
    """Builds it whole and in shards."""
    for of in (None, *shards):
        start = time.perf_counter()
        out = build(words, executor, of, here)
        took = {"seconds": round(time.perf_counter() - start, 1)}
        how = {"executor": executor, "shards": of} if of else {"executor": None, "shards": None}
        yield {"what": name, **how, **described(out), **took}
        shutil.rmtree(out)


def main() -> None:
    """Builds everything, and prints the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--executor", choices=[BY_HAND, "local", "ray", "slurm"], default="local")
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 2, 7])
    parser.add_argument("--changeit", type=Path, help="the real annotations")
    parser.add_argument("--drawings", type=int, default=1000)
    arguments = parser.parse_args()
    differ = False
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        cases = {"demo": demo(here), "drawings": drawings(here, arguments.drawings)}
        if arguments.changeit:
            cases["changeit"] = changeit(here, arguments.changeit)
        for name, words in cases.items():
            lines = []
            (place := here / "built" / name).mkdir(parents=True)
            for line in measure(name, words, arguments.executor, arguments.shards, place):
                lines.append(line)
                print(json.dumps(line), flush=True)
            differ |= len({line["sha256"] for line in lines}) > 1
    if differ:
        raise SystemExit("Not all checksums are the same.")


if __name__ == "__main__":
    main()
