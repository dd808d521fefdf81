"""Turns per second of the environments: pure Python, one process, no I/O.

    python benchmarks/environments.py [--seconds 1]

Plays the recorded episodes of the test suite over and over, environment construction, observation and prompt included,
and prints one JSON line. Baseline in the same run: the plainest loop that does the work of one turn with nothing
prepared (normalise the answer and every option, compare, format the path and the prompt).
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from proactivebench import prompts
from proactivebench.scenarios import Sample, get_scenario, make_environment

RECORDS = Path(__file__).parent.parent / "tests" / "data" / "environment_traces.jsonl.gz"

Episode = tuple[Sample, list[str]]


def recorded_episodes() -> dict[str, list[Episode]]:
    """Scenario -> samples with the answers given to them."""
    episodes = defaultdict(list)
    with gzip.open(RECORDS, "rt", encoding="utf-8") as file:
        for record in map(json.loads, file):
            if not record["config"]["reference"]:
                sample = get_scenario(record["scenario"]).sample.lenient(record["entry"])
                episodes[record["scenario"]].append((sample, [step["answer"] for step in record["steps"]]))
    return episodes


def ours(sample: Sample, answers: list[str]) -> None:
    """An episode in our environment."""
    environment = make_environment(sample)
    for answer in answers:
        observation = environment.observe()
        prompts.multiple_choice(observation.question, observation.options, short_answer=True)
        environment.step(answer)


def plain(sample: Sample, answers: list[str]) -> None:
    """The same number of turns by hand, without a state machine."""
    for answer in answers:
        options = [*sample.options, *sample.categories]
        sample.image_template.replace("{image}", f"{sample.first_image:04d}")
        "".join(f"{chr(65 + number)}. {option}\n" for number, option in enumerate(options))
        given = re.sub(r"^.*[A-Z]\.\s*", "", answer, count=1).lower().strip().replace(" ", "")
        for option in options:
            if re.sub(r"^.*[A-Z]\.\s*", "", option, count=1).lower().strip().replace(" ", "") == given:
                break


def turns_per_second(play: Callable[[Sample, list[str]], None], episodes: list[Episode], seconds: float) -> int:
    """Plays the episodes over and over for so long."""

    def forever() -> Iterator[Episode]:
        while True:
            yield from episodes

    turns, started = 0, time.perf_counter()
    for sample, answers in forever():
        play(sample, answers)
        turns += len(answers)
        if time.perf_counter() - started > seconds:
            return round(turns / (time.perf_counter() - started))
    raise AssertionError


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="per scenario and loop")
    seconds = parser.parse_args().seconds
    result = {
        name: {loop.__name__: turns_per_second(loop, played, seconds) for loop in (ours, plain)}
        for name, played in recorded_episodes().items()
    }
    slowest = min(figures["ours"] for figures in result.values())
    print(json.dumps({"benchmark": "environments", "slowest_turns_per_s": slowest, "scenarios": result}))


if __name__ == "__main__":
    main()
