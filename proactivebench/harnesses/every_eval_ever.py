"""A run in the form of Every Eval Ever (schema 0.3.0): one JSON file of scores, one JSON line per episode.

Both go where that project's data store has them, `data/<benchmark>/<developer>/<model>/`. They are named by a UUID that
the run's identity decides, so that the same run always has the same files.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from proactivebench import __version__
from proactivebench.errors import UsageError
from proactivebench.evaluation.judging import run_metrics
from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.run_log import METRICS, RUN, RunDescription, read_episodes, read_prompts, read_run
from proactivebench.evaluation.who import called
from proactivebench.prompts import shown
from proactivebench.scenarios import get_scenario
from proactivebench.work.files import parse_json, write_whole

SCHEMA = "0.3.0"
BENCHMARK = "ProactiveBench"

_METRICS: Mapping[str, Mapping[str, Any]] = {
    "acc": {
        "metric_id": "accuracy",
        "metric_name": "Accuracy",
        "metric_unit": "proportion",
        "evaluation_description": "Share of episodes that end with the right category.",
        "lower_is_better": False,
        "score_type": "continuous",
        "min_score": 0,
        "max_score": 1,
    },
    "psr": {
        "metric_id": "proactivebench.psr",
        "metric_name": "Proactive suggestions",
        "metric_unit": "suggestions per episode",
        "evaluation_description": "Suggestions per episode that brought another frame; no direction is better.",
        "lower_is_better": False,
        "score_type": "continuous",
        "min_score": 0,
        "max_score": "Infinity",
    },
}


_METHOD = (
    "bootstrap over sources, Wilson's where all agree",
    "of the scenarios' intervals, as independent ones (MOVER)",
)
"""How an interval is made: that of a scenario, that of the average."""


def export_run(folder: Path, out: Path, organization: str) -> list[Path]:
    """Writes a run in that form.

    Args:
        folder: The run's folder, played to its end.
        out: Folder of the data store, or any other.
        organization: Who evaluated.

    Returns:
        The two files.

    Raises:
        UsageError: Its mode has other scores, or it was not played to its end.
    """
    run = read_run(folder)
    if run.settings.mode not in ("mcqa", "reference"):
        raise UsageError(
            f"{folder} is a run of mode {run.settings.mode}; multiple choice and reference can be exported."
        )
    episodes = list(read_episodes(folder))
    if len(episodes) < run.episodes or not (folder / METRICS).exists():
        raise UsageError(f"{folder} was not played to its end; repeat its evaluate command, which continues it.")
    described = parse_json((folder / RUN).read_bytes())
    developer, _, model = _identifier(str(run.model["model"])).rpartition("/")
    if adapter := run.model.get("adapter"):
        model = f"{model}+{_word(Path(str(adapter)).name)}"
    stem = str(uuid.UUID(bytes=hashlib.sha256((folder / RUN).read_bytes()).digest()[:16], version=4))
    place = Path("data", BENCHMARK, developer, model)
    stamp = str(int((folder / METRICS).stat().st_mtime))
    identifier = f"{BENCHMARK}/{developer}_{model}/{stamp}"
    texts = read_prompts(folder)
    lines = [
        json.dumps(line, ensure_ascii=False).encode() + b"\n"
        for episode in sorted(episodes, key=lambda one: one.key)
        for line in _instance(episode, texts, identifier, f"{developer}/{model}")
    ]
    samples = place / f"{stem}_samples.jsonl"
    whole = {
        "schema_version": SCHEMA,
        "evaluation_id": identifier,
        "evaluation_timestamp": stamp,
        "retrieved_timestamp": stamp,
        "source_metadata": {
            "source_name": BENCHMARK,
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": "third_party",
        },
        "eval_library": {
            "name": "proactivebench-toolkit",
            "version": str(described.get("toolkit", __version__)),
            "additional_details": {"protocol": str(described.get("protocol"))},
        },
        "model_info": {
            "name": called(run.model),
            "id": f"{developer}/{model}",
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown", **_texts(run.model)},
        },
        "evaluation_results": list(_results(run, run_metrics(episodes, (), run.settings.seed))),
        "detailed_evaluation_results": {
            "format": "jsonl",
            "file_path": samples.as_posix(),
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(b"".join(lines)).hexdigest(),
            "total_rows": len(lines),
        },
    }
    written = [out / place / f"{stem}.json", out / samples]
    write_whole(written[0], [json.dumps(whole, indent=2, ensure_ascii=False).encode() + b"\n"])
    write_whole(written[1], lines)
    return written


def _identifier(name: str) -> str:
    """`DEVELOPER/MODEL` of a model's name, without its kind; a name without developer gets `unknown`."""
    kind, _, rest = name.rpartition(":")
    words = [word for part in rest.split("/") if (word := _word(part))]
    return "/".join(words[-2:] if len(words) > 1 else [_word(kind) or "unknown", *words])


def _word(text: str) -> str:
    """A part of a name that becomes a folder: a stranger's run may call its model anything."""
    return re.sub(r"[^\w.:+-]+", "_", text)[:100].lstrip(".")


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Details as the schema takes them: texts alone."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def _results(run: RunDescription, metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A result per score, on average and for each scenario."""
    dataset, _, revision = (run.data.source or "").removeprefix("hub:").partition("@")
    settings = _texts(run.settings.model_dump(mode="json"))
    for scenario, scores in {"average": metrics["average"], **metrics["scenarios"]}.items():
        kept = run.data.samples if scenario == "average" else {scenario: run.data.samples[scenario]}
        details = {"samples_sha256": json.dumps(dict(kept)), "revision": revision}
        data = {"dataset_name": BENCHMARK, "additional_details": details}
        data |= (
            {"source_type": "hf_dataset", "hf_repo": dataset, "hf_split": "test"}
            if dataset
            else {"source_type": "other"}
        )
        for score, described in _METRICS.items():
            if scores.get(score) is None:
                continue
            low, high = scores[f"{score}_ci95"]
            interval = {"lower": low, "upper": high, "confidence_level": 0.95, "method": _METHOD[scenario == "average"]}
            uncertainty: dict[str, Any] = {"confidence_interval": interval}
            if scores[f"{score}_se"] is not None:
                uncertainty["standard_error"] = {"value": scores[f"{score}_se"], "method": "clustered by source"}
            if "n" in scores:
                uncertainty["num_samples"] = scores["n"]
            yield {
                "evaluation_result_id": f"{scenario}.{score}",
                "evaluation_name": f"{BENCHMARK} {scenario}",
                "source_data": data,
                "metric_config": dict(described),
                "score_details": {"score": scores[score], "uncertainty": uncertainty},
                "generation_config": {"additional_details": settings},
            }


def _instance(episode: Episode, texts: Mapping[str, str], identifier: str, model: str) -> Iterator[dict[str, Any]]:
    """The line of an episode; none where it could not even begin."""
    if not episode.turns:
        return
    first = texts[episode.turns[0].prompt]
    messages = []
    for number, turn in enumerate(episode.turns):
        messages.append(
            {"turn_idx": 2 * number, "role": "user", "content": f"[{turn.frame_path}] {texts[turn.prompt]}"}
        )
        messages.append({"turn_idx": 2 * number + 1, "role": "assistant", "content": turn.reply})
    last = len(messages) - 1
    hashed = hashlib.sha256((first + episode.answer).encode()).hexdigest()
    yield {
        "schema_version": SCHEMA,
        "evaluation_id": identifier,
        "model_id": model,
        "evaluation_name": f"{BENCHMARK} {episode.scenario}",
        "evaluation_result_id": f"{episode.scenario}.acc",
        "sample_id": f"{episode.scenario}/{episode.id}" + (f"/{episode.repeat}" if episode.repeat else ""),
        "sample_hash": hashed,
        "interaction_type": "multi_turn",
        "input": {"raw": first, "reference": [episode.answer], "choices": list(shown(first).options)},
        "output": None,
        "messages": messages,
        "answer_attribution": [
            {
                "turn_idx": last,
                "source": f"messages[{last}].content",
                "extracted_value": episode.turns[-1].chosen or "",
                "extraction_method": f"by {episode.turns[-1].by or 'nothing that can be read'}",
                "is_terminal": True,
            }
        ],
        "evaluation": {
            "score": episode.scores["acc"],
            "is_correct": episode.correct,
            "num_turns": len(episode.turns),
        },
        "error": episode.error.message if episode.error else None,
        "metadata": {
            "scenario": get_scenario(episode.scenario).dataset,
            "source": episode.source,
            "psr": str(episode.scores["psr"]),
        },
    }
