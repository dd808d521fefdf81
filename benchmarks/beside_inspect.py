"""Processor time per request of the evaluator beside inspect_ai, playing the same episodes through the same server.

The server answers at once, with the suggestion each time, so that every one of the 200 drawings is asked to its end;
64 requests are under way at once. Each side runs in a process of its own, in turns, three times, and its lowest figures
count: other work on the machine only ever adds to them. What is counted begins when the libraries are loaded and ends
with the scores on disk. inspect_ai keeps no pictures in its log here, which is kind to it. Prints one JSON line.

Needs inspect_ai, which has an environment of its own (`make test-inspect`):

    build/test-inspect/bin/python -m benchmarks.beside_inspect
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.evaluate_openai import DRAWINGS, server, suggestion
from benchmarks.sides import beside, in_turns, measured
from builders.pipeline.build import build
from builders.quickdraw import QuickDrawBuilder
from proactivebench import prompts
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.settings import Settings
from proactivebench.frames import Frames
from proactivebench.models.data_uris import shared_encoder
from proactivebench.models.openai_model import OpenAIModel
from proactivebench.scenarios import QD, make_environment
from raw_sources.quickdraw import QuickDraw

AT_ONCE = 64
ROUNDS = 3


def ours(benchmark: Benchmark, url: str, out: Path) -> dict[str, Any]:
    """Plays with the evaluator; returns the share of right episodes, and the number of requests."""
    model = OpenAIModel("m", base_url=url, concurrency=AT_ONCE)
    scores = engine.evaluate(benchmark, [QD], model, Settings(), out)["scenarios"]["QD"]
    assert scores["errors"] == 0, scores
    lines = (out / "episodes.jsonl").read_bytes()
    return {"acc": scores["acc"], "requests": lines.count(b'"reply"')}


def inspect_ai(benchmark: Benchmark, url: str, out: Path) -> dict[str, Any]:
    """Plays with inspect_ai; returns what `ours` does."""
    import inspect_ai as inspect
    from inspect_ai.dataset import Sample as Row
    from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, GenerateConfig
    from inspect_ai.scorer import Score, accuracy, scorer
    from inspect_ai.solver import solver

    samples = {sample.id: sample for sample in benchmark.samples(QD)}
    frames = Frames.of(benchmark, [QD])
    encode = shared_encoder(None)
    right: dict[Any, bool] = {}
    requests = 0

    @solver
    def play() -> Any:
        async def solve(state: Any, generate: Any) -> Any:
            nonlocal requests
            environment = make_environment(samples[state.sample_id])
            while not environment.done:
                seen = environment.observe()
                text = prompts.multiple_choice(seen.question, seen.options, short_answer=True)
                picture = encode(frames.picture(seen.frame_path, seen.view))
                state.messages = [ChatMessageUser(content=[ContentImage(image=picture), ContentText(text=text)])]
                state = await generate(state)
                requests += 1
                environment.step(state.output.completion)
            right[state.sample_id] = environment.correct
            return state

        return solve

    @scorer(metrics=[accuracy()])
    def correct() -> Any:
        async def score(state: Any, target: Any) -> Any:
            return Score(value="C" if right[state.sample_id] else "I")

        return score

    os.environ |= {"LOCAL_API_KEY": "none", "LOCAL_BASE_URL": url}
    task = inspect.Task(
        dataset=[Row(id=number, input="") for number in samples],
        solver=play(),
        scorer=correct(),
        config=GenerateConfig(max_tokens=50, temperature=0, max_connections=AT_ONCE),
    )
    how = {"max_samples": AT_ONCE, "display": "none", "log_images": False, "log_dir": str(out)}
    [log] = inspect.eval(task, model="openai-api/local/m", **how)
    assert log.status == "success", log.error
    return {"acc": log.results.scores[0].metrics["accuracy"].value, "requests": requests}


SIDES = {"ours": ours, "inspect_ai": inspect_ai}


def main() -> None:
    """Runs both sides and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("side", "data", "url"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)  # of the processes that this one starts
    options = parser.parse_args()
    if options.side:
        if options.side == "inspect_ai":
            import inspect_ai.model  # noqa: F401  # loading it is not counted, as it is not for ours
        with tempfile.TemporaryDirectory() as out:
            benchmark = Benchmark.open(Path(options.data))
            measured(lambda: SIDES[options.side](benchmark, options.url, Path(out) / "run"))
        return
    with server(0, suggestion) as (port, _), tempfile.TemporaryDirectory() as folder:
        build(QuickDrawBuilder(QuickDraw.locate(DRAWINGS)), Path(folder, "data"))
        arguments = ("--data", Path(folder, "data"), "--url", f"http://127.0.0.1:{port}/v1")
        played = in_turns("benchmarks.beside_inspect", list(SIDES), arguments, ROUNDS)
    mine, other = played.values()
    assert (mine["acc"], mine["requests"]) == (other["acc"], other["requests"]), played
    counts = {"episodes": 200, "requests": mine["requests"], "at_once": AT_ONCE}
    print(json.dumps({"benchmark": "beside_inspect"} | counts | beside(mine, other, "inspect")))


if __name__ == "__main__":
    main()
