"""`README.md` of a published benchmark: the card that the Hub shows.

Everything in it comes from the manifest and the catalogue of raw sources; the words are in `card.md.jinja`. Its header
tells `datasets` and the Hub's viewer which files make up which configuration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from builders.hub.build import Build
from builders.hub.rights import sources_of
from builders.hub.viewer import COLUMNS, viewer_path
from proactivebench.benchmark import Benchmark
from proactivebench.layout import TRAIN_FILES
from proactivebench.manifest import Entry
from proactivebench.provenance import PUBLISHED
from proactivebench.scenarios import SCENARIOS
from proactivebench.work.files import write_whole

NAME = "README.md"
PAPER = "https://arxiv.org/abs/2603.19466"
_ITEMS = 5  # of a list that the card shows
TEMPLATE = Path(__file__).with_name("card.md.jinja")
CITATION = """@misc{proactivebench,
  title = {ProactiveBench},
  eprint = {2603.19466},
  archivePrefix = {arXiv},
  year = {2026}
}"""


def write_card(build: Build, repo: str, cleared: Collection[str]) -> None:
    """Writes the card.

    Args:
        build: The benchmark.
        repo: USER/NAME on the Hub.
        cleared: Raw sources for which the publisher has the rights to share.
    """
    from huggingface_hub import DatasetCard

    sources = sources_of(build.parts)
    scenarios = [_scenario(build.benchmark, name, entry) for name, entry in build.scenarios.items()]
    card = DatasetCard.from_template(
        _header(scenarios, build.train is not None, sum(row["samples"] for row in scenarios)),
        template_path=str(TEMPLATE),
        repo=repo,
        paper=PAPER,
        published=PUBLISHED,
        citation=CITATION,
        scenarios=scenarios,
        example=scenarios[0],
        train=build.train,
        sources=list(sources.values()),
        cleared=[entry.title for name, entry in sources.items() if name in cleared],
        columns=COLUMNS,
        has_kept_ids=build.has_kept_ids,
    )
    write_whole(build.folder / NAME, [f"{card}\n".encode()])


def _header(scenarios: list[dict[str, Any]], has_train: bool, samples: int) -> Any:
    from huggingface_hub import DatasetCardData

    configs: list[dict[str, Any]] = [
        {"config_name": row["dataset"], "data_files": [{"split": "test", "path": viewer_path(row["dataset"])}]}
        for row in scenarios
    ]
    if has_train:
        train = {"data_files": [{"split": "train", "path": TRAIN_FILES}], "default": True}
        configs.insert(0, {"config_name": "default", **train})
    licences = {row["licence"] for row in scenarios}
    return DatasetCardData(
        language="en",
        license="cc-by-4.0" if licences == {"CC BY 4.0"} and not has_train else "other",
        task_categories=["visual-question-answering", "image-classification"],
        tags=["proactivebench", "benchmark", "multimodal", "vision-language"],
        pretty_name="ProactiveBench",
        size_categories=[_size_category(samples)],
        configs=configs,
    )


def _size_category(samples: int) -> str:
    return "n<1K" if samples < 1_000 else "1K<n<10K" if samples < 10_000 else "10K<n<100K"


def _scenario(benchmark: Benchmark, name: str, entry: Entry) -> dict[str, Any]:
    scenario = SCENARIOS[name]
    categories = {sample.answer for sample in benchmark.samples(scenario, filtered=False)}
    licences = {record.licence for record in entry.records(benchmark.folder) if record.id is not None}
    return {
        "name": name,
        "dataset": scenario.dataset,
        "title": scenario.title,
        "sample": next(benchmark.samples(scenario, filtered=False)),
        "samples": entry.counts.samples,
        "played": sum(1 for _ in benchmark.samples(scenario)),
        "frames": entry.counts.frames,
        "categories": len(categories),
        "source": " and ".join(source.title for source in sources_of({name: entry}).values()),
        "licence": " / ".join(sorted(licences)),
        "settings": {key: _setting(value) for key, value in entry.settings.items()},
        "versions": entry.versions,
        "left_out": Counter(entry.left_out).most_common(5),
    }


def _setting(value: object) -> str:
    """A setting of a build in a few words; of a long list its first items and how many there are."""
    if isinstance(value, list) and len(value) > _ITEMS:
        return f"{', '.join(map(str, value[:_ITEMS]))} ... ({len(value):,} in all)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
