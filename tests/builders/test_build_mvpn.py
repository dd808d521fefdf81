"""The MVP-N builder: which views make a sample, and which products stand beside the right one."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from builders.mvpn import QUESTIONS, SUGGESTIONS, MvpnBuilder
from builders.pipeline.build import build
from builders.pipeline.report import NothingBuiltError
from builders.wording import category_text
from proactivebench.errors import UsageError
from proactivebench.scenarios import MVPN, Action, is_abstention
from proactivebench.scenarios.mvpn import MvpnSample
from raw_sources import fakes
from raw_sources.mvpn import Mvpn, MvpnRecord, View, read_class_names
from tests.support.builds import build_again, left_out
from tests.support.oracle import sound_samples


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_mvpn(tmp_path_factory.mktemp("mvpn"), sets=5)


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(made, tmp_path / "raw"))


def builder(raw: Path) -> MvpnBuilder:
    return MvpnBuilder(Mvpn.locate(raw), read_class_names(raw / "class_names.csv"))


class TestTexts:
    def test_pools_are_as_large_as_published(self) -> None:
        assert len(set(QUESTIONS)) == 15
        assert len(set(SUGGESTIONS)) == 11

    @pytest.mark.parametrize("suggestion", SUGGESTIONS)
    def test_a_suggestion_asks_for_another_view(self, suggestion: str) -> None:
        assert MVPN.action_of(suggestion) is Action.ROTATE
        assert not is_abstention(suggestion)


def test_samples_are_sound(made: Path, tmp_path: Path) -> None:
    report = build(builder(made), tmp_path)
    assert (report.samples, report.left_out) == (30, {})
    assert [problem.what.split(":")[0] for problem in report.problems] == ["38 of 44 lists are missing"]
    for sample in sound_samples(tmp_path, MVPN):
        assert isinstance(sample, MvpnSample)
        assert sample.first_image == sample.valid_images[0]
        assert sample.reference_image == sample.valid_images[-1]
        assert len(set(sample.valid_images)) == sample.num_images >= 2
        assert len(set(sample.categories)) == 4
        folder = (tmp_path / "test" / sample.image_template).parent
        assert {path.name for path in folder.iterdir()} == {
            f"{number:04}_{int(number == sample.reference_image)}.png" for number in sample.valid_images
        }


def test_only_the_last_view_is_informative(made: Path) -> None:
    for unit in builder(made).read([]):
        for planned in builder(made).plan(unit).samples:
            assert [path.stem[-1] for path in planned.recipe] == ["0"] * (len(planned.recipe) - 1) + ["1"]


def test_frames_hold_the_pixels_of_their_views(made: Path, tmp_path: Path) -> None:
    build(builder(made), tmp_path)
    for planned in builder(made).plan(next(iter(builder(made).read([])))).samples:
        for number, path in zip(planned.fields["valid_images"], planned.recipe, strict=True):
            [frame] = (tmp_path / "test" / planned.fields["image_template"]).parent.glob(f"{number:04}_*.png")
            with Image.open(path) as view, Image.open(frame) as image:
                assert not ImageChops.difference(view.convert("RGB"), image).getbbox()


def test_the_same_bytes_whatever_happens(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_again(builder(made), tmp_path, monkeypatch)


def record(made: Path, informative: str, label: str = "0027") -> MvpnRecord:
    """A set with a view per letter: 1 is informative."""
    folder = made / "test" / label / "0"
    return MvpnRecord(
        "test", label, 0, tuple(View(folder / f"{n:04}_{i}.png", i == "1") for n, i in enumerate(informative))
    )


@pytest.mark.parametrize(
    ("informative", "reason"),
    [("000", "no informative view in the set"), ("11", "no uninformative view in the set"), ("0", "no informative")],
)
def test_a_set_without_either_kind_is_left_out(made: Path, informative: str, reason: str) -> None:
    plan = builder(made).plan(record(made, informative))
    assert not plan.samples
    assert plan.skipped[0].key == "test/0027/000"
    assert plan.skipped[0].reason.startswith(reason)


def test_of_several_informative_views_one_is_shown_last(made: Path) -> None:
    last = set()
    for seed in range(20):
        [planned] = replace(builder(made), seed=seed).plan(record(made, "10101")).samples
        *first, informative = planned.fields["valid_images"]
        assert first == [1, 3]
        last.add(informative)
    assert last == {0, 2, 4}


def test_a_view_that_is_listed_twice_is_shown_once(made: Path) -> None:
    twice = record(made, "001")
    [planned] = builder(made).plan(replace(twice, views=(*twice.views, twice.views[0]))).samples
    assert len(set(planned.recipe)) == len(planned.recipe) == 3


def test_wrong_categories_are_look_alikes_before_others(made: Path) -> None:
    drinks = {category_text(fakes.MVPN_NAMES[label]) for label in ("0027", "0028", "0029", "0030")}
    for seed in range(10):
        seeded = replace(builder(made), seed=seed)
        [planned] = seeded.plan(record(made, "001", "0027")).samples
        assert set(planned.fields["categories"]) == drinks
        [planned] = seeded.plan(record(made, "001", "0041")).samples
        assert "Lumo tea mint." in planned.fields["categories"]
        assert len(drinks & set(planned.fields["categories"])) == 2


def test_classes_without_a_name_are_an_error(made: Path, tmp_path: Path) -> None:
    names = {label: name for label, name in fakes.MVPN_NAMES.items() if label not in ("0028", "0042")}
    with pytest.raises(UsageError, match=r"classes without a name: 0028, 0042\. Add a line class_id,name"):
        build(MvpnBuilder(Mvpn.locate(made), names), tmp_path)


def test_names_that_read_alike_are_never_options_together(made: Path) -> None:
    names = fakes.MVPN_NAMES | {"0028": "Brio  drink peach"}
    [planned] = MvpnBuilder(Mvpn.locate(made), names).plan(record(made, "001", "0027")).samples
    assert "Brio  drink peach." not in planned.fields["categories"]


def test_damaged_data_is_reported_and_left_out(raw: Path, tmp_path: Path) -> None:
    (raw / "test_list" / "test_0027_100.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    (raw / "test_list" / "test_0028_100.pkl").write_bytes(pickle.dumps([["0028/0/0000_0.png", "0028/0/9999_1.png"]]))
    cut = raw / "test" / "0029" / "0" / "0001_1.png"
    cut.write_bytes(cut.read_bytes()[:900])
    report = build(builder(raw), tmp_path / "out")
    said = " ".join(map(str, report.problems))
    assert "test_0027_100.pkl" in said
    assert "9999_1.png is missing" in said
    assert {skip.key.split("/")[1] for skip in left_out(tmp_path / "out")} == {"0029"}
    assert all(str(cut) in skip.reason for skip in left_out(tmp_path / "out"))
    assert report.samples == 20 - report.left_out.total()
    assert len(sound_samples(tmp_path / "out", MVPN)) == report.samples


def test_without_test_lists_nothing_is_built(raw: Path, tmp_path: Path) -> None:
    shutil.rmtree(raw / "test_list")
    with pytest.raises(NothingBuiltError, match="44 of 44 lists are missing"):
        build(builder(raw), tmp_path / "out")
