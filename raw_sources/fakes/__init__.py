"""Small made-up copies of the raw data sets, each in its true layout, with what systems leave behind in such folders.

For trying the whole way without gigabytes: the demo's tour and the tests build from them. The pictures are drawn and
the videos encoded here; the same call writes the same bytes.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from raw_sources.fakes.pictures import carton, corrupt, draw_thing, litter, occluder, person, room
from raw_sources.fakes.videos import make_changeit as make_changeit
from raw_sources.imagenet import CLASSES
from raw_sources.imagenet_c import CORRUPTIONS, SEVERITIES

ROD_SEQUENCES = (
    "natural_bluebl_greenr-banana",
    "natural_redca_whiter-cowboy_hat",
    "lamp_redbl_whiter-cup",
    "lamp_blueca_greenr-vase",
    "natural_redbl_greenr-orange",
    "lamp_bluebl_whiter-baseball",
)
ROD_WORDS = {"bluebl": "blue blocks", "redca": "red cardboard", "redbl": "red blocks", "blueca": "blue cardboard"}

MVPN_NAMES = {
    "0027": "Brio drink peach",
    "0028": "Brio drink cocoa",
    "0029": "Brio powder peach",
    "0030": "Brio powder cocoa",
    "0041": "Lumo tea lemon",
    "0042": "Lumo tea mint",
}
_COLORS = ((250, 170, 120), (130, 85, 60), (240, 190, 90), (90, 60, 45), (235, 225, 80), (140, 205, 160))

COCO_CATEGORIES = {
    "banana": (52, "banana"),
    "orange": (55, "orange"),
    "cup": (47, "cup"),
    "baseball": (37, "sports ball"),
    "vase": (86, "vase"),
}
"""What can be drawn -> the category's number and name."""

IMAGENET_WNIDS = {
    "n07753592": "banana",
    "n07747607": "orange",
    "n07930864": "cup",
    "n02799071": "baseball",
    "n03124170": "cowboy hat",
    "n04522168": "vase",
}


def make_rod(folder: Path, sequences: int = 2) -> Path:
    """Sequences of 14 photos; the first lacks s6 as in the real data, the second is stored turned, as phones do it."""
    root = folder / "Realistic-Occlusion-Dataset"
    for number, name in enumerate(ROD_SEQUENCES[:sequences]):
        scene, label = name.split("-")
        wall = (178, 205, 170) if scene.endswith("greenr") else (235, 228, 222)
        archive = root / f"rod_{number % 2}"
        archive.mkdir(parents=True, exist_ok=True)
        for index in range(14):
            if (number, index) == (0, 6):
                continue
            canvas = room((480, 480), wall)
            draw_thing(canvas, label.replace("_", " "), (0.37, 0.42, 0.63, 0.7))
            x = index / 14
            occluder(canvas, ROD_WORDS[scene.split("_")[1]], (x - 0.17, 0.34, x + 0.17, 0.8))
            image = canvas.finish(index)
            exif = Image.Exif()
            exif[0x010F], exif[0x0110] = "Made up", "Drawn camera"
            exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 30.0), 3: "E", 4: (11.0, 34.0, 0.0)})  # GPS
            if number == 1:
                image, exif[0x0112] = image.transpose(Image.Transpose.ROTATE_90), 6
            suffix = "jpg" if number % 2 == 0 else "JPG"
            image.save(archive / f"{name}-s{index}.{suffix}", quality=88, exif=exif)
        litter(archive, f"._{name}-s0.jpg")
    return root


def make_vsod(folder: Path, videos: int = 2, frames: int = 24) -> Path:
    """Two to four people, one of them speaking, and a van that passes in front of them."""
    root = folder / "OcclusionDataSet-MM20"
    for number in range(videos):
        video = f"video_{number:03}"
        data, annotations = root / "Data" / "test" / video, root / "Annotations" / "test" / video
        data.mkdir(parents=True)
        annotations.mkdir(parents=True)
        count = 2 + number % 3
        for index in range(frames):
            canvas = room((320, 180), (150, 190, 225), (120, 120, 125))
            for place in range(count):
                shirt = ((200, 60, 60), (60, 130, 70), (230, 190, 60), (120, 80, 170))[place]
                person(canvas, (place + 1) / (count + 1), shirt, speaks=place == number % count)
            left, right = (edge + 2.1 * index / frames for edge in (-1.05, -0.1))
            van = canvas.inside((left, 0.0, right, 0.97))
            canvas.shape("rounded_rectangle", van(0, 0, 1, 0.85), radius=30, fill=(240, 240, 235))
            canvas.shape("rectangle", van(0.8, 0.12, 0.95, 0.45), fill=(90, 120, 140))
            for wheel in (0.15, 0.75):
                canvas.shape("ellipse", van(wheel, 0.72, wheel + 0.13, 1), fill=(30, 30, 30))
            canvas.finish(index).save(data / f"{index:04}.jpg", quality=88)
            shown = max(0.0, left), min(1.0, right)
            box = (round(320 * shown[0]), 0, round(320 * shown[1]), 165) if shown[1] - shown[0] > 0.15 else None
            (annotations / f"{index:04}.xml").write_text(voc_xml(f"{index:04}.jpg", (320, 180), [box] if box else []))
        litter(annotations, "._0000.xml")
    return root


def voc_xml(picture: str, size: tuple[int, int], boxes: Iterable[tuple[int, int, int, int]]) -> str:
    """An annotation as labelImg writes it; boxes are left, top, right, bottom in pixels."""
    edges = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        "<object><name>occlusion</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult><bndbox>"
        + "".join(f"<{edge}>{value}</{edge}>" for edge, value in zip(edges, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    width, height = size
    head = f"<folder>frames</folder><filename>{picture}</filename><size><width>{width}</width><height>{height}</height>"
    return f"<annotation>{head}<depth>3</depth></size><segmented>0</segmented>{objects}</annotation>\n"


def make_mvpn(folder: Path, classes: int = 6, sets: int = 2) -> Path:
    """Cartons of products that differ in their front alone; `class_names.csv` beside the data names them."""
    root = folder / "data"
    for place, (label, name) in enumerate(list(MVPN_NAMES.items())[:classes]):
        for split in ("train", "valid", "test"):
            views = []
            for view in range(6):
                front = view in (1, 4)
                path = root / split / label / "0" / f"{view:04}_{int(front)}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                carton((224, 224), _COLORS[place], name, front, view / 3 - 0.8).save(path)
                views.append(path.relative_to(root / split).as_posix())
            if split != "train":
                lists = root / f"{split}_list" / f"{split}_{label}_100.pkl"
                lists.parent.mkdir(exist_ok=True)
                picked = [[views[(start + i) % 6] for i in range(2 + start % 5)] for start in range(sets)]
                lists.write_bytes(pickle.dumps(picked))
        litter(root / "test" / label, "._0")
    lines = ["class_id,name", *(f"{label},{name}" for label, name in MVPN_NAMES.items())]
    (root / "class_names.csv").write_text("\n".join(lines) + "\n")
    return root


def make_coco(folder: Path, images: int = 6, split: str = "val", year: int = 2014) -> Path:
    """Pictures with one thing each; one more with two things, and one with a crowd."""
    root = folder / "coco"
    pictures = root / f"{split}{year}"
    pictures.mkdir(parents=True)
    (root / "annotations").mkdir(exist_ok=True)
    rng = np.random.default_rng(len(split))
    tables: dict[str, list[Mapping[str, object]]] = {"images": [], "annotations": []}
    for number in range(images + 2):
        identifier = 1000 * len(split) + 7 * (images + 2 - number)  # the real order is not sorted either
        width, height = (640, 480) if number % 2 == 0 else (480, 640)
        canvas = room((width, height), (165, 205, 235), (110, 165, 90))
        for copy in range(2 if number == images else 1):
            name = list(COCO_CATEGORIES)[(number + copy) % len(COCO_CATEGORIES)]
            left, top = float(rng.uniform(0.05, 0.3) + 0.35 * copy), float(rng.uniform(0.25, 0.45))
            right, bottom = left + 0.3, top + 0.3 * width / height
            draw_thing(canvas, name, (left, top, right, bottom))
            box = [round(v, 2) for v in (left * width, top * height, (right - left) * width, (bottom - top) * height)]
            crowd = number == images + 1
            annotation = {
                "segmentation": {"counts": [0, 9], "size": [height, width]} if crowd else [[*box[:2], 1.0, 2.0]],
                "area": round(box[2] * box[3], 2),
                "iscrowd": int(crowd),
                "image_id": identifier,
                "bbox": box,
                "category_id": COCO_CATEGORIES[name][0],
                "id": len(tables["annotations"]) + 1,
            }
            tables["annotations"].append(annotation)
        prefix = f"COCO_{split}2014_" if year == 2014 else ""
        file_name = f"{prefix}{identifier:012}.jpg"
        image = canvas.finish(number)
        (image.convert("L") if number == 2 else image).save(pictures / file_name, quality=88)
        entry = {"license": 4, "file_name": file_name, "height": height, "width": width, "id": identifier}
        tables["images"].append(entry)
    categories = [
        {"supercategory": "thing", "id": number, "name": name} for number, name in sorted(COCO_CATEGORIES.values())
    ]
    licenses = [{"id": 4, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"}]
    instances = {"info": {"description": "made up"}, "licenses": licenses, **tables, "categories": categories}
    (root / "annotations" / f"instances_{split}{year}.json").write_text(json.dumps(instances))
    litter(pictures, f"._{file_name}")
    return root


def _photo(name: str, number: int, size: tuple[int, int]) -> Image.Image:
    canvas = room(size, (190 + 5 * (number % 8), 205, 200), (150, 120, 95 + 10 * (number % 6)))
    shift = 0.04 * (number % 5 - 2)
    draw_thing(canvas, name, (0.3 + shift, 0.28, 0.7 + shift, 0.8))
    return canvas.finish(number)


def make_imagenet(folder: Path, pictures: int = 6, in_class_folders: bool = False) -> Path:
    """Validation pictures: flat with the development kit beside them, or in a folder for each class."""
    root = folder / "imagenet" / "val"
    root.mkdir(parents=True)
    numbers = {entry.wnid: entry.number for entry in CLASSES}
    truth = []
    for number in range(pictures):
        wnid, name = list(IMAGENET_WNIDS.items())[number % len(IMAGENET_WNIDS)]
        target = root / wnid if in_class_folders else root
        target.mkdir(exist_ok=True)
        _photo(name, number, (500, 375)).save(target / f"ILSVRC2012_val_{number + 1:08}.JPEG", quality=88)
        truth.append(numbers[wnid])
    if not in_class_folders:
        kit = root.parent / "ILSVRC2012_devkit_t12" / "data"
        kit.mkdir(parents=True)
        lines = "".join(f"{number}\n" for number in truth)
        (kit / "ILSVRC2012_validation_ground_truth.txt").write_text(lines)
    litter(root, "._ILSVRC2012_val_00000001.JPEG")
    return root


def make_imagenet_c(folder: Path, wnids: int = 4, pictures: int = 1, corruptions: Sequence[str] = CORRUPTIONS) -> Path:
    """Pictures of some classes under the corruptions, at all five severities."""
    root = folder / "imagenet-c"
    for place, (wnid, name) in enumerate(list(IMAGENET_WNIDS.items())[:wnids]):
        for number in range(pictures):
            stem = f"ILSVRC2012_val_{place + len(IMAGENET_WNIDS) * number + 1:08}"
            clean = _photo(name, place + number, (224, 224))
            for corruption in corruptions:
                for severity in SEVERITIES:
                    target = root / corruption / str(severity) / wnid
                    target.mkdir(parents=True, exist_ok=True)
                    corrupt(clean, corruption, severity, number).save(target / f"{stem}.JPEG", quality=85)
    litter(root, "._gaussian_noise")
    return root


def make_quickdraw(folder: Path) -> Path:
    """The real drawings that come with the toolkit."""
    bundled = Path(__file__).resolve().parent.parent / "bundled" / "quickdraw"
    return Path(shutil.copytree(bundled, folder / "quickdraw"))


def make_all(folder: Path) -> Path:
    """All sources side by side, small."""
    make_rod(folder)
    make_vsod(folder)
    make_mvpn(folder / "MVP-N")
    make_coco(folder)
    make_coco(folder, split="train")
    make_imagenet(folder)
    make_imagenet_c(folder)
    make_changeit(folder)
    make_quickdraw(folder)
    return folder
