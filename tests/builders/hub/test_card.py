"""What people and machines read about a published benchmark: the card, Croissant, and `load_dataset`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

from builders.hub import croissant
from builders.hub.build import Build
from builders.hub.card import write_card
from builders.hub.publish import prepare
from tests.support.hub_store import LocalHub
from tests.support.processes import run
from tests.support.publishing import REPO, publish

ROOT = Path(__file__).resolve().parents[3]


def test_the_card_says_what_it_is_and_how_to_use_it(data: Path) -> None:
    prepare(data, REPO, "http://hub")
    card = DatasetCard.load(data / "README.md")
    configs = {config["config_name"]: config for config in card.data.configs}
    assert list(configs) == ["default", "QuickDraw", "coco2014"]
    assert configs["default"]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert card.data.license == "other"
    for text in (
        "| `QuickDraw` (QD) | coarse sketch | 6 | 6 |",
        "proactivebench evaluate --model hf:USER/MODEL --data hub:ann/small --out",
        "[MS-COCO 2014](https://cocodataset.org)",
        "@article{ha2017sketchrnn",
        "@inproceedings{lin2014coco",
        "compare scores within one of the two, never across",
    ):
        assert text in card.text
    assert "{{" not in card.text
    assert "None" not in card.text


def test_the_card_shows_the_first_items_of_a_long_list(data: Path) -> None:
    manifest = json.loads((data / "manifest.json").read_bytes())
    [entry] = [entry for entry in manifest["scenarios"].values() if entry["dataset"] == "QuickDraw"]
    entry["settings"]["categories"] = [f"thing {number}" for number in range(345)]
    (data / "manifest.json").write_text(json.dumps(manifest))
    write_card(Build.open(data), REPO, ())
    text = (data / "README.md").read_text()
    assert "categories `thing 0, thing 1, thing 2, thing 3, thing 4 ... (345 in all)`" in text
    assert "pip install -e '.[hub,models]'" in text


def test_croissant_describes_every_file_and_its_origin(hub: LocalHub, data: Path) -> None:
    publish(hub, data)
    description = json.loads((data / "croissant.json").read_bytes())
    croissant.validate(description)
    assert description["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    listed = {file["@id"]: file for file in description["distribution"]}
    assert set(listed) == set(hub.repos[REPO].files) - {".gitattributes", "README.md", "croissant.json", "eval.yaml"}
    for path, file in listed.items():
        assert file["sha256"] == hub.repos[REPO].files[path].sha256
        assert file["contentUrl"] == f"{hub.url}/datasets/{REPO}/resolve/main/{path}"
    assert listed["test/coco2014.zip"]["prov:wasDerivedFrom"] == [{"@id": "https://cocodataset.org"}]
    assert {source["prov:label"] for source in description["prov:wasDerivedFrom"]} == {
        "Quick, Draw! (simplified drawings)",
        "MS-COCO 2014",
    }


def test_croissant_leads_to_the_records(data: Path) -> None:
    import mlcroissant

    prepare(data, REPO, "http://hub")
    name = "viewer/QuickDraw.parquet"
    records = mlcroissant.Dataset(jsonld=data / "croissant.json", mapping={name: data / name}).records("QuickDraw")
    record = next(iter(records))
    assert {frame.size for frame in record["QuickDraw/frames"]} == {(256, 256)}
    assert record["QuickDraw/answer"] in record["QuickDraw/categories"]
    assert len(record["QuickDraw/solution"]) == len(record["QuickDraw/frames"])


def test_croissant_that_is_not_valid_is_an_error(data: Path) -> None:
    description = json.loads((data / "croissant.json").read_bytes())
    del description["distribution"][0]["contentUrl"]
    with pytest.raises(croissant.CroissantError, match="QuickDraw_preprocessed"):
        croissant.validate(description)


# Streams are read to their end: threads that still read when Python exits can abort it.
LOAD = """
import sys
from datasets import load_dataset
repo = sys.argv[1]
assert load_dataset(repo, split="train")["ground_truth"] == ["Cat.", "Dog."]
drawings = load_dataset(repo, "QuickDraw", split="test")
assert len(drawings) == 6 and drawings.column_names[:3] == ["id", "frames", "question"]
assert drawings[0]["frames"][-1].size == (256, 256)
photo, *_ = load_dataset(repo, "coco2014", split="test", streaming=True)
sizes = [frame.size for frame in photo["frames"]]
assert len(sizes) == len(photo["solution"]) == 5 and sizes[0] < sizes[-1] and photo["kept"], sizes
assert photo["solution"][-1] == photo["answer"] == "Banana."
first, _ = load_dataset(repo, split="train", streaming=True)
assert first["options"] == ["A."]
"""


def test_plain_datasets_load_every_configuration(hub: LocalHub, data: Path, tmp_path: Path) -> None:
    publish(hub, data)
    settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    done = run([sys.executable, "-c", LOAD, REPO], cwd=tmp_path, variables=settings | {"HF_TOKEN": None})
    assert done.returncode == 0, done.stderr
