"""Whether memory stays flat: of `evaluate`, of `view`, and of the tests' Hub, each a process that lives on and works.

`evaluate` plays samples again and again through a server that takes its time; `view` shows a finished run: its page,
records and pictures; the Hub takes a publication and gives it back, once a minute. Memory is measured every five
seconds, that of this process (Hub and server) after the allocator has given back what its threads have freed: it keeps
that apart for each of them, and else would seem to grow. Prints one JSON line: MB in the second tenth of the time, in
the last, and the growth.

    python -m benchmarks.memory --minutes 60
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.support.kills import Hunted, memory_mb
from tests.support.local_hub import serve
from tests.support.processes import started, wait_until
from tests.support.small_benchmark import DRAWINGS
from tests.support.stub_server import serve_completions

REPO, TOKEN = "ann/flat", "hf_ann"
SECONDS_PER_REPLY = 0.5
BETWEEN_MEASUREMENTS = 5.0


def reply(body: dict[str, Any]) -> str:
    """The option that the text of a request decides, after some time."""
    time.sleep(SECONDS_PER_REPLY)
    return random.Random(json.dumps(body["messages"])).choice("ABCD")


def look_at_everything(address: str) -> int:
    """Loads the page of `view`, its first records and their pictures; returns how many files that were."""

    def load(path: str) -> bytes:
        with urlopen(address + path) as response:
            data: bytes = response.read()
        return data

    load("version")
    load("")
    names = set(re.findall(rb'"picture":"(\w+)"', load("data/0-0.js")))
    for name in map(bytes.decode, names):
        load(f"pictures/{name[:2]}/{name}.webp")
    return 3 + len(names)


def growth(seen: list[int]) -> dict[str, float]:
    """The typical MB of the second tenth of all measurements and of the last, and what lies between."""
    tenth = max(1, len(seen) // 10)
    early, late = statistics.median(seen[tenth : 2 * tenth] or seen), statistics.median(seen[-tenth:])
    return {"early_mb": early, "late_mb": late, "growth_mb": late - early}


def measure(minutes: float) -> dict[str, Any]:
    """Lets all of them work for some minutes; returns what the benchmark prints."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="memory-")))
        server, hub = stack.enter_context(serve_completions()), stack.enter_context(serve())
        hub.tokens[TOKEN] = "ann"
        variables = {"PYTHONPATH": str(Path.cwd()), "OPENAI_API_KEY": "none", "HF_HUB_DISABLE_XET": "1"}
        variables |= {"HF_TOKEN": TOKEN, "HF_ENDPOINT": hub.url, "HF_HOME": str(place / "hf")}
        quiet = Hunted(0.0, random.Random(0), place, variables)
        quiet.run("build", "quickdraw", "--raw", DRAWINGS, "--out", "data", "--per-category", 4)
        quiet.run("evaluate", "--model", "scripted:random", "--data", "data", "--out", "finished")

        def begin(name: str, *arguments: object) -> Any:
            words = [sys.executable, "-m", "proactivebench", name, *arguments]
            return stack.enter_context(started(words, cwd=place, log=place / f"{name}.txt", variables=variables))

        server.reply = reply
        model = ("--model", "openai:m", "--base-url", server.url, "--concurrency", 4)
        evaluate = begin("evaluate", *model, "--data", "data", "--out", "endless", "--repeats", 1_000)
        view = begin("view", "finished")
        said = place / "view.txt"
        wait_until(lambda: "http" in said.read_text(), view)
        address = re.findall(r"http\S+", said.read_text())[0]
        wait_until((place / "endless" / "episodes.jsonl").is_file, evaluate)
        seen: dict[str, list[int]] = {"evaluate": [], "view": [], "hub and server": []}
        began, loaded, rounds = time.monotonic(), 0, 0
        while time.monotonic() - began < 60 * minutes:
            assert evaluate.poll() is None, (place / "evaluate.txt").read_text()
            loaded += look_at_everything(address)
            if len(seen["view"]) % 12 == 0:
                hub.repos.clear()
                hub.large.clear()
                quiet.run("publish", "data", "--repo", REPO)
                quiet.run("pull", REPO, "--out", f"pulled-{rounds}")
                rounds += 1
            for remembered in (server.requests, server.headers, hub.requests, hub.uploaded, quiet.said):
                remembered.clear()
            for name, process in (("evaluate", evaluate.pid), ("view", view.pid), ("hub and server", None)):
                seen[name].append(memory_mb(process))
            time.sleep(BETWEEN_MEASUREMENTS)
        with (place / "endless" / "episodes.jsonl").open("rb") as episodes:
            played = sum(1 for _ in episodes)
        return {
            "minutes": round((time.monotonic() - began) / 60, 1),
            "measurements": len(seen["view"]),
            "evaluate": {**growth(seen["evaluate"]), "episodes": played},
            "view": {**growth(seen["view"]), "loaded": loaded},
            "hub and server": {**growth(seen["hub and server"]), "publications": rounds},
        }


def main() -> None:
    """Reads the options and prints the line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    print(json.dumps(measure(parser.parse_args().minutes)))


if __name__ == "__main__":
    main()
