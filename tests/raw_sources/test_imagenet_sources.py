"""The ImageNet validation set, its class names, and ImageNet-C."""

import json
from pathlib import Path

import pytest

from raw_sources import fakes
from raw_sources.base import Problem, SourceNotFoundError
from raw_sources.imagenet import CLASS_NAMES, CLASSES, ImageNet
from raw_sources.imagenet_c import CORRUPTIONS, ImageNetC

TWO = ("gaussian_noise", "pixelate")


def test_flat_pictures_get_their_classes_from_the_ground_truth(tmp_path: Path) -> None:
    fakes.make_imagenet(tmp_path, pictures=7)
    records = list(ImageNet.locate(tmp_path).records())
    assert [(r.wnid, r.stem) for r in records if r.wnid == "n07753592"] == [
        ("n07753592", "ILSVRC2012_val_00000001"),
        ("n07753592", "ILSVRC2012_val_00000007"),
    ]
    assert {CLASS_NAMES[record.wnid] for record in records} == {
        "banana",
        "orange",
        "cup",
        "baseball",
        "cowboy_hat",
        "vase",
    }


def test_class_folders_give_the_same_records(tmp_path: Path) -> None:
    fakes.make_imagenet(tmp_path / "flat")
    fakes.make_imagenet(tmp_path / "sorted", in_class_folders=True)
    flat, in_folders = (list(ImageNet.locate(tmp_path / kind).records()) for kind in ("flat", "sorted"))
    assert [(r.wnid, r.stem) for r in flat] == [(r.wnid, r.stem) for r in in_folders]
    assert all(record.picture.is_file() for record in in_folders)


def test_flat_pictures_without_ground_truth_say_what_is_missing(tmp_path: Path) -> None:
    fakes.make_imagenet(tmp_path)
    next(tmp_path.rglob("*ground_truth.txt")).unlink()
    with pytest.raises(SourceNotFoundError, match=r"ILSVRC2012_validation_ground_truth\.txt is nowhere"):
        ImageNet.locate(tmp_path)


def test_the_ground_truth_may_lie_beside_the_folder_of_the_pictures(tmp_path: Path) -> None:
    root = fakes.make_imagenet(tmp_path)
    truth = next(tmp_path.rglob("*ground_truth.txt"))
    truth = truth.rename(root.parent / truth.name)
    assert ImageNet.locate(root) == ImageNet.locate(tmp_path) == ImageNet(root, truth)


def test_verify_names_bad_lines_cut_pictures_and_how_many_are_missing(tmp_path: Path) -> None:
    root = fakes.make_imagenet(tmp_path)
    truth = next(tmp_path.rglob("*ground_truth.txt"))
    lines = truth.read_text().splitlines()
    truth.write_text("\n".join([lines[0], "1001", *lines[2:]]))
    cut = root / "ILSVRC2012_val_00000003.JPEG"
    cut.write_bytes(cut.read_bytes()[:5000])
    inventory = ImageNet.locate(tmp_path).verify()
    assert inventory.counts == {"pictures": 5}
    bad_line, unknown, cut_picture, missing = map(str, inventory.problems)
    assert bad_line == f"{truth}:2: expected a class from 1 to 1000, found '1001'"
    assert "00000002.JPEG" in unknown
    assert cut_picture.startswith(f"{cut}: the picture is cut")
    assert "49,995 of 50,000" in missing


def test_imagenet_and_imagenet_c_side_by_side_are_not_confused(tmp_path: Path) -> None:
    fakes.make_imagenet_c(tmp_path, wnids=1, corruptions=TWO)
    with pytest.raises(SourceNotFoundError, match="wnid folders"):
        ImageNet.locate(tmp_path)
    fakes.make_imagenet(tmp_path, in_class_folders=True)
    assert ImageNet.locate(tmp_path).folder == tmp_path / "imagenet" / "val"
    assert set(ImageNetC.locate(tmp_path).folders) == set(TWO)


@pytest.mark.parametrize("wrapper", ["", "imagenet-c", "imagenet-c/noise"])
def test_corruptions_are_found_in_wrapper_folders(tmp_path: Path, wrapper: str) -> None:
    made = fakes.make_imagenet_c(tmp_path / "made", wnids=2, corruptions=TWO)
    target = tmp_path / "raw" / wrapper
    target.mkdir(parents=True)
    for name in TWO:
        (made / name).rename(target / name)
    source = ImageNetC.locate(tmp_path / "raw")
    assert source.folders == {name: target / name for name in TWO}
    records = list(source.records())
    assert [(r.corruption, r.wnid, r.stem) for r in records] == [
        (corruption, wnid, f"ILSVRC2012_val_{number:08}")
        for corruption in TWO
        for number, wnid in ((2, "n07747607"), (1, "n07753592"))
    ]
    assert [path.parts[-3] for path in records[0].severities] == ["1", "2", "3", "4", "5"]
    assert all(path.is_file() for record in records for path in record.severities)
    assert source.wnids("pixelate") == ("n07747607", "n07753592")
    assert source.pictures("pixelate", "n07747607", []) == (records[2],)


def test_pictures_without_all_severities_are_left_out_and_named(tmp_path: Path) -> None:
    root = fakes.make_imagenet_c(tmp_path, wnids=1, pictures=2, corruptions=TWO)
    for severity in "24":
        (root / "pixelate" / severity / "n07753592" / "ILSVRC2012_val_00000007.JPEG").unlink()
    (root / TWO[0] / "5" / "n07753592").rename(root / "elsewhere")
    inventory = ImageNetC.locate(tmp_path).verify()
    assert inventory.counts == {"corruptions": 2, "classes": 1, "pictures": 5}
    archives, pictures = inventory.problems[:-3], list(map(str, inventory.problems[-3:]))
    assert all("n07753592" in one and one.endswith("missing at severity 5") for one in pictures[:2])
    assert pictures[2].endswith("n07753592/ILSVRC2012_val_00000007.JPEG: missing at severity 2, 4")
    assert archives[0].what == "shot_noise, impulse_noise missing; unpack noise.tar"
    assert len(archives) == 5


def test_there_are_19_corruptions() -> None:
    assert len(set(CORRUPTIONS)) == 19


def test_no_imagenet_c_says_where_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "fog").mkdir()
    with pytest.raises(SourceNotFoundError, match=r"noise\.tar.*zenodo"):
        ImageNetC.locate(tmp_path)


def test_class_names_are_the_usual_ones(shared_data: Path) -> None:
    folder = shared_data / "imagenet"
    index = json.loads((folder / "imagenet_class_index.json").read_text())
    assert [(entry.wnid, entry.name) for entry in CLASSES] == [tuple(index[str(number)]) for number in range(1000)]
    rows = (line.split() for line in (folder / "map_clsloc.txt").read_text().splitlines())
    assert {entry.wnid: entry.number for entry in CLASSES} == {wnid: int(number) for wnid, number, _ in rows}


def test_two_names_stand_for_two_classes_each() -> None:
    names = list(CLASS_NAMES.values())
    assert {name for name in names if names.count(name) > 1} == {"crane", "maillot"}
    assert sorted(entry.number for entry in CLASSES) == list(range(1, 1001))


def test_the_real_ground_truth_is_read(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    for number in (236, 293, 2663):
        (tmp_path / "val" / f"ILSVRC2012_val_{number:08}.JPEG").touch()
    (tmp_path / "devkit").symlink_to(shared_data / "imagenet")
    wnids = {record.stem[-4:]: record.wnid for record in ImageNet.locate(tmp_path).records()}
    assert wnids == {"0236": "n01443537", "0293": "n01440764", "2663": "n15075141"}


def test_a_ground_truth_with_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    fakes.make_imagenet(tmp_path)
    before = list(ImageNet.locate(tmp_path).records())
    path = next(tmp_path.rglob("ILSVRC2012_validation_ground_truth.txt"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    problems: list[Problem] = []
    assert list(ImageNet.locate(tmp_path).read(problems)) == before
    assert problems == []
