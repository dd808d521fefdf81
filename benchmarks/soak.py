"""Hours of bad luck: a benchmark is built, evaluated, published, pulled, reported again and again, and must not change.

Every command is killed at random and repeated. The server behind the model fails in every way that servers do, at 5% of
the requests. What each round leaves is compared, byte by byte, with a round in which nothing went wrong; memory of the
processes that live through all rounds (a `view`, and this one with the local Hub and the server) is measured after
each. Prints one JSON line per round and a last one with the result.

    python -m benchmarks.soak --minutes 30
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, SupportsIndex
from urllib.request import urlopen

from tests.support.hub_store import LocalHub
from tests.support.kills import Hunted, contents, difference, memory_mb
from tests.support.local_hub import serve
from tests.support.processes import started, wait_until
from tests.support.small_benchmark import DRAWINGS
from tests.support.stub_server import Answer, StubServer, completion, serve_completions

SHARE_OF_FAULTS = 0.05
KEY = "sk-soak-5ECRET0123456789"
HUB_TOKEN = "hf_ann"  # of the local Hub
REPO = "ann/soak"

FAULTS = {
    "429": Answer(b'{"error": {"message": "slow down"}}', 429, {"Retry-After": "0"}),
    "500": Answer(b"oops", 500),
    "502": Answer(b"<html>bad gateway</html>", 502),
    "503": Answer(b"", 503),
    "408": Answer(b"", 408),
    "401, which ends the run": Answer(f'{{"error": {{"message": "unknown key {KEY}"}}}}'.encode(), 401),
    "402, which ends the run": Answer(b'{"error": {"message": "insufficient_quota"}}', 402),
    "404, which ends the run": Answer(b'{"detail": "Not Found"}', 404),
    "redirect, which ends the run": Answer(b"", 302, {"Location": "http://127.0.0.1:9/v1"}),
    "connection broken": Answer(completion("A")[:20], drop=True),
    "silence": Answer(hang=True),
    "one byte now and then": Answer(completion("A"), drip=200),
    "nothing": Answer(b""),
    "no JSON": Answer(b"\x00\xff<html>"),
    "JSON of absurd depth": Answer(b"[" * 100_000),
    "a body of 9 MiB": Answer(b" " * (9 << 20)),
    "compressed": Answer(gzip.compress(completion("A")), headers={"Content-Encoding": "gzip"}),
    "aborted": Answer(completion("A", "abort")),
    "an unknown end": Answer(completion("A", "elsewhere")),
    "an error in the choice": Answer(completion("A", choice={"error": {"code": 500}})),
    "an error beside the choices": Answer(completion("A", beside={"error": "out of memory"})),
    "no content": Answer(completion(None)),
    "terminal escapes": Answer(f"\x1b]0;owned\x07\x1b[2J Bearer {KEY}".encode(), 500),
}
"""What goes wrong -> how the server does it."""


class _Faults(list[Answer]):
    """The answers that a server has in store: mostly none, so that it replies."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.tried = dict.fromkeys(FAULTS, 0)
        self.on = False
        self._rng = rng

    def __bool__(self) -> bool:
        return self.on and self._rng.random() < SHARE_OF_FAULTS

    def pop(self, place: SupportsIndex = 0) -> Answer:
        name = self._rng.choice(list(FAULTS))
        self.tried[name] += 1
        return FAULTS[name]


def _reply(body: dict[str, Any]) -> str:
    """What the model says: always the same about the same conversation."""
    text = json.dumps(body["messages"])
    letters: list[str] = re.findall(r"\b([A-Z])\. ", text) or ["A"]
    return random.Random(text).choice(letters)


def play_round(hunted: Hunted, server: StubServer, hub: LocalHub) -> dict[str, dict[str, str]]:
    """Runs every command in the working directory of `hunted`; returns what each of them left."""
    hub.repos.clear()
    evaluation = ("evaluate", "--model", "openai:m", "--base-url", server.url, "--data", "data", "--out", "run")
    patience = ("--timeout", 4, "--retries", 3, "--concurrency", 16)
    folder = hunted.cwd
    hunted.run("build", "quickdraw", "--raw", DRAWINGS, "--out", "data", "--per-category", 4, "--workers", 2)
    while not (folder / "run" / "metrics.json").is_file() or _errors(folder / "run"):
        hunted.run(*evaluation, *patience, "--max-errors", 1, again=lambda code: code in (1, 2))
    hunted.run("publish", "data", "--repo", REPO)
    hunted.run("pull", REPO, "--out", "pulled")
    hunted.run("report", "run", "--out", "report")
    published = {path: blob.sha256 for path, blob in hub.repos[REPO].files.items()}
    left = {name: contents(folder / name, without=["pulled.json"]) for name in ("data", "run", "pulled", "report")}
    leaked = [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert not leaked, f"the key is in {leaked}"
    assert not any(KEY in said or "\x1b]" in said for said in hunted.said), "the key, or an escape, was printed"
    assert len(hub.repos[REPO].commits) <= 2, "one publication became several commits"
    return {**left, "published": published}


def _errors(run: Path) -> int:
    scores = json.loads((run / "metrics.json").read_text())["scenarios"]
    return sum(one["errors"] for one in scores.values())


def main() -> int:
    """Soaks for as long as told; the exit code says whether something differed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        server, hub = stack.enter_context(serve_completions()), stack.enter_context(serve())
        faults = _Faults(rng)
        server.answers, server.reply = faults, _reply
        variables = {"OPENAI_API_KEY": KEY, "HF_TOKEN": HUB_TOKEN, "HF_ENDPOINT": hub.url, "HF_HOME": str(place / "hf")}
        variables |= {"HF_HUB_DISABLE_XET": "1"}
        hub.tokens[HUB_TOKEN] = "ann"
        hunted = Hunted(0.0, rng, place / "round", variables)
        hunted.cwd.mkdir()
        expected = play_round(hunted, server, hub)
        shutil.copytree(hunted.cwd, place / "quiet")
        faults.on, hunted.chance = True, 0.6
        said = place / "view.txt"
        command = [sys.executable, "-m", "proactivebench", "view", "run"]
        view = stack.enter_context(
            started(command, cwd=place / "quiet", log=said, variables={"PYTHONPATH": str(Path.cwd())})
        )
        wait_until(lambda: "http" in said.read_text(), view)
        address = re.findall(r"http\S+", said.read_text())[0]
        rounds, different, started_at = 0, 0, time.monotonic()
        memory: list[dict[str, int]] = []
        while time.monotonic() - started_at < 60 * options.minutes:
            shutil.rmtree(hunted.cwd)
            hunted.cwd.mkdir()
            hunted.said.clear()
            hunted.peaks.clear()
            for remembered in (server.requests, server.headers, hub.requests, hub.uploaded):
                remembered.clear()
            begun, kills = time.monotonic(), hunted.kills
            found = play_round(hunted, server, hub)
            for _ in range(20):
                with urlopen(address) as page:
                    page.read()
            differs = {name: difference(expected[name], found[name]) for name in expected}
            rounds, different = rounds + 1, different + any(differs.values())
            memory.append({"hub and server": memory_mb(), "view": memory_mb(view.pid), **hunted.peaks})
            line = {
                "round": rounds,
                "seconds": round(time.monotonic() - begun),
                "kills": hunted.kills - kills,
                "different": {name: paths[:5] for name, paths in differs.items() if paths},
                "memory_mb": memory[-1],
            }
            print(json.dumps(line), flush=True)
    result = {
        "minutes": round((time.monotonic() - started_at) / 60, 1),
        "rounds": rounds,
        "different": different,
        "kills": hunted.kills,
        "faults": faults.tried,
        "memory_mb": {"first round": memory[0], "last round": memory[-1]},
    }
    print(json.dumps(result), flush=True)
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
