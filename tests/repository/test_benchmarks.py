"""The benchmarks that need a GPU, or a quiet machine, still run: at tiny size, and without what they measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks import evaluate, full_size, gpu  # noqa: E402
from proactivebench.models.catalogue import catalogue  # noqa: E402


def line_of(program: Any, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr("sys.argv", command.split())
    program.main()
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_evaluating_at_tiny_size(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    [command] = [part.command for part in gpu.TINY_PARTS if "evaluate" in part.command]
    line = line_of(evaluate, f"{command} --threads 1", monkeypatch, capsys)
    assert (line["samples"], line["benchmark"], line["device"]) == (4, "evaluate", "cpu")
    assert line["ratio"] > 0
    more = gpu.with_estimates(line)
    assert more["busy"] == pytest.approx(1 - line["device_waited"])
    assert more["minutes_for_the_benchmark"] == pytest.approx(9231 / 60 / line["samples_per_s"], abs=0.06)


def test_a_part_fails_alone_and_ends_in_time() -> None:
    assert "No module named benchmarks.nothing" in gpu.run(gpu.Part("benchmarks.nothing", 60), 60)["failed"]
    assert gpu.run(gpu.Part("http.server 0", 0.5), 60)["failed"] == "not done within 0 s"
    assert gpu.run(gpu.Part("http.server 0", 60), -1) == {"part": "http.server 0", "failed": "no time was left"}


def test_all_parts_end_within_nine_minutes_or_are_told_to() -> None:
    options = {word for part in gpu.PARTS for word in part.command.split() if word.startswith("--")}
    for program in ("evaluate", "train"):
        source = Path(gpu.__file__).with_name(f"{program}.py").read_text()
        options -= {word for word in options if f'"{word}"' in source}
    assert options == {"--config_file", "--num_processes"}, "accelerate's own"
    assert sum(part.seconds for part in gpu.PARTS) < 1.2 * 60 * gpu.MINUTES
    named = {name for part in gpu.PARTS for name in full_size.CONFIGS if name in part.command}
    assert named == {"qwen2.5-vl-3b", "qwen2.5-vl-7b", "internvl3-8b"}


@pytest.mark.parametrize("name", full_size.CONFIGS)
def test_a_model_of_full_size_has_as_many_weights_as_the_real_one(name: str) -> None:
    assert full_size.weights(name) / 1e9 == pytest.approx(catalogue()["paper"][name].billions, abs=0.05)
