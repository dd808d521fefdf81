from __future__ import annotations

import re
from pathlib import Path

import pytest

from raw_sources.base import SourceError
from raw_sources.catalog import CATALOG, UnknownNameError, load_catalog
from raw_sources.registry import get_entry

ENTRY = """
[thing]
title = "Thing"
home = "https://example.org/thing"
licence = "MIT"
redistribution = "allowed"
citation = "none"
"""
FILE = """
[[thing.files]]
part = "a"
url = "https://example.org/a.zip"
path = "thing/a.zip"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "catalog.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_source_is_there_and_says_how_to_get_it() -> None:
    catalog = load_catalog()
    assert set(catalog) == {"rod", "vsod", "mvpn", "coco", "imagenet-c", "imagenet", "quickdraw", "changeit"}
    for name, entry in catalog.items():
        assert entry.name == name
        assert bool(entry.steps) != bool(entry.files)


def test_citations_are_bibtex_entries_with_distinct_keys() -> None:
    keys = []
    for entry in load_catalog().values():
        match = re.fullmatch(r"@(?:article|inproceedings)\{(\w+),\n(?:  \w+ = \{.+\},?\n)+\}", entry.citation)
        assert match, entry.citation
        assert entry.citation.count("{") == entry.citation.count("}")
        keys.append(match[1])
    assert len(set(keys)) == len(keys)


def test_quickdraw_has_one_file_per_category_with_an_encoded_address() -> None:
    files = get_entry("quickdraw").select()
    assert len(files) == 345
    tower = get_entry("quickdraw").select(["The Eiffel Tower"])[0]
    assert tower.url.endswith("/full/simplified/The%20Eiffel%20Tower.ndjson")
    assert tower.path == "quickdraw/simplified/The Eiffel Tower.ndjson"


def test_quickdraw_categories_equal_the_official_list(shared_data: Path) -> None:
    official = (shared_data / "quickdraw" / "categories.txt").read_text(encoding="utf-8").splitlines()
    assert [file.part for file in get_entry("quickdraw").select()] == official


def test_no_two_files_go_to_the_same_place() -> None:
    files = [file for entry in load_catalog().values() for file in entry.select()]
    for places in ([file.path for file in files], [file.unpack for file in files if file.unpack]):
        assert len({place.casefold() for place in places}) == len(places)


def test_select_keeps_the_order_of_the_catalogue() -> None:
    assert [file.part for file in get_entry("coco").select(["val2014", "annotations"])] == ["annotations", "val2014"]


def test_an_unknown_part_names_the_ones_that_are_meant() -> None:
    with pytest.raises(UnknownNameError, match=r"no part of quickdraw 'aple'.*apple") as raised:
        get_entry("quickdraw").select(["cat", "aple"])
    assert raised.value.exit_code == 2


def test_an_unknown_source_names_those_that_exist() -> None:
    with pytest.raises(UnknownNameError, match=r"no raw source 'xyz'.*rod.*changeit"):
        get_entry("xyz")


def test_sources_are_found_in_any_letter_case() -> None:
    assert get_entry("ImageNet-C").name == "imagenet-c"


def test_the_raw_folder_in_steps_is_quoted_for_a_shell() -> None:
    steps = get_entry("rod").instructions(Path("/my data"))
    assert "--local-dir '/my data'/rod" in steps[1]
    assert not [step for step in steps if "{raw}" in step]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY.replace('licence = "MIT"', "") + FILE, "thing.licence"),
        (ENTRY.replace('"allowed"', '"perhaps"') + FILE, "thing.redistribution"),
        (ENTRY + "colour = 1\n" + FILE, "thing.colour"),
        (ENTRY + FILE + "size = -1\n", "thing.files.0.size"),
        (ENTRY + FILE + 'md5 = "xyz"\n', "thing.files.0.md5"),
        (ENTRY + FILE.replace("thing/a.zip", "../a.zip"), "thing.files.0.path"),
        (ENTRY + FILE.replace("thing/a.zip", "/a.zip"), "thing.files.0.path"),
        (ENTRY + FILE.replace("https:", "file:"), "thing.files.0.url"),
        ("thing = 1\n", "cannot be read"),
        ("[thing\n", "cannot be read"),
    ],
)
def test_a_malformed_catalogue_is_refused_by_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)):
        load_catalog(write(tmp_path, text))


def test_what_nobody_knows_is_absent(tmp_path: Path) -> None:
    entry = load_catalog(write(tmp_path, ENTRY + FILE))["thing"]
    assert (entry.size, entry.files[0].size, entry.files[0].md5, entry.files[0].sha256) == (None,) * 4


def test_a_missing_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=re.escape(str(tmp_path / "none.toml"))):
        load_catalog(tmp_path / "none.toml")


def test_the_shipped_catalogue_has_no_unfilled_placeholder() -> None:
    placeholders = set(re.findall(r"\{[a-z]+\}", re.sub(r'citation = """.*?"""', "", CATALOG.read_text(), flags=re.S)))
    assert placeholders == {"{raw}", "{category}"}
