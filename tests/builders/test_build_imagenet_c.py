"""The two ways to the ImageNet-C scenario: released pictures copied, validation pictures corrupted."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders import imagenet_c_generated as corruptions
from builders.imagenet_c import ImageNetCBuilder
from builders.imagenet_c_any import ACTIONS, ALSO_HELP, QUESTIONS, SUGGESTIONS
from builders.imagenet_c_generated import GeneratedImageNetCBuilder, resize_and_crop
from builders.pictures import read_picture
from builders.pipeline.build import build
from proactivebench.errors import UsageError
from proactivebench.scenarios import IN_C, Action, is_abstention
from proactivebench.scenarios.imagenet_c import ImageNetCSample
from raw_sources import fakes
from raw_sources.imagenet import CLASS_NAMES, ImageNet
from raw_sources.imagenet_c import CORRUPTIONS, ImageNetC
from tests.support.builds import build_again, content, left_out
from tests.support.oracle import sound_samples


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    return fakes.make_imagenet_c(folder, wnids=2, pictures=5, corruptions=tuple(ACTIONS))


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_imagenet(tmp_path_factory.mktemp("validation"), pictures=6)


def empty_files(root: Path, *wnids: str, pictures: int = 7) -> None:
    """The released tree without its pictures: enough for planning."""
    for parts in product(ACTIONS, "12345", wnids):
        folder = root.joinpath(*parts)
        folder.mkdir(parents=True)
        for number in range(pictures):
            (folder / f"ILSVRC2012_val_{pictures * wnids.index(parts[-1]) + number:08}.JPEG").touch()


def corruption_of(sample: ImageNetCSample) -> str:
    return sample.image_template.split("/")[1]


class TestTexts:
    def test_the_pool_of_questions_is_as_large_as_published(self) -> None:
        assert len(set(QUESTIONS)) == 15

    def test_sixteen_corruptions_and_eight_actions(self) -> None:
        assert set(CORRUPTIONS) - set(ACTIONS) == {"snow", "frost", "fog"}
        assert Counter(ACTIONS.values())[Action.NOISE] == 4
        assert Counter(ACTIONS.values())[Action.BLUR] == 5
        assert set(ACTIONS.values()) == set(SUGGESTIONS) == set(IN_C.keywords.values())

    @pytest.mark.parametrize("action", SUGGESTIONS)
    def test_a_suggestion_holds_the_keyword_of_its_action_and_no_other(self, action: Action) -> None:
        text = SUGGESTIONS[action].lower()
        assert [IN_C.keywords[keyword] for keyword in IN_C.keywords if keyword in text] == [action]
        assert not is_abstention(text)


class TestReleasedPictures:
    def test_samples_are_sound(self, released: Path, tmp_path: Path) -> None:
        report = build(ImageNetCBuilder(ImageNetC.locate(released)), tmp_path)
        assert (report.samples, report.frames, report.left_out, report.problems) == (10, 50, {}, [])
        for sample in sound_samples(tmp_path, IN_C):
            assert isinstance(sample, ImageNetCSample)
            assert (sample.first_image, sample.num_images, sample.reference_image) == (5, 5, 1)
            assert sample.prompt in QUESTIONS
            assert Counter(map(is_abstention, sample.options)) == {False: 4, True: 1}
            assert IN_C.action_of(sample.quality_answer) is ACTIONS[corruption_of(sample)]
            assert len({IN_C.action_of(option) for option in sample.options if not is_abstention(option)}) == 4
            assert len(set(sample.categories)) == 4

    @pytest.mark.parametrize(
        ("corruption", "helps"),
        [
            ("motion_blur", "resolution"),
            ("impulse_noise", "artifacts"),
            ("pixelate", "deblur"),
            ("pixelate", "artifacts"),
            ("contrast", "brightness"),
            ("jpeg_compression", "artifacts"),
        ],
    )
    def test_a_wrong_suggestion_would_not_help(self, tmp_path: Path, corruption: str, helps: str) -> None:
        wnid = next(iter(CLASS_NAMES))
        empty_files(tmp_path, wnid, pictures=16)
        source = ImageNetC.locate(tmp_path)
        plans = [ImageNetCBuilder(source, seed=seed, per_class=8).plan(wnid) for seed in range(60)]
        planned = [sample for plan in plans for sample in plan.samples if sample.recipe.corruption == corruption]
        shown = {text for sample in planned for text in sample.fields["options"] if not is_abstention(text)}
        assert len(shown) == len(set(SUGGESTIONS) - ALSO_HELP[ACTIONS[corruption]])
        assert not [text for text in shown if helps in text.lower()]

    def test_pictures_are_those_of_the_release_byte_for_byte(self, released: Path, tmp_path: Path) -> None:
        build(ImageNetCBuilder(ImageNetC.locate(released)), tmp_path)
        frames = content(tmp_path / "test" / "ImageNet-C")
        assert frames == {name: (released / name).read_bytes() for name in frames}

    def test_every_class_gets_each_corruption_once_at_most(self, released: Path) -> None:
        builder = ImageNetCBuilder(ImageNetC.locate(released))
        for unit in builder.units():
            planned = builder.plan(unit).samples
            assert len({sample.recipe.corruption for sample in planned}) == len(planned) == 5
            assert len({sample.recipe.stem for sample in planned}) == 5

    def test_over_all_classes_the_corruptions_are_equally_frequent(self, tmp_path: Path) -> None:
        builder = ImageNetCBuilder(ImageNetC({}))
        counts = Counter(skip.key.split("/")[1] for wnid in CLASS_NAMES for skip in builder.plan(wnid).skipped)
        assert set(counts) == set(ACTIONS)
        assert set(counts.values()) == {312, 313}

    @pytest.mark.parametrize("wnid", [wnid for wnid, name in CLASS_NAMES.items() if name in ("crane", "maillot")])
    def test_classes_of_one_name_never_meet(self, wnid: str, tmp_path: Path) -> None:
        empty_files(tmp_path, wnid)
        source = ImageNetC.locate(tmp_path)
        plans = [ImageNetCBuilder(source, seed=seed).plan(wnid) for seed in range(80)]
        drawn = [sample.fields["categories"] for plan in plans for sample in plan.samples]
        assert len(drawn) == 400
        assert all(len(set(categories)) == 4 for categories in drawn)

    def test_another_seed_is_another_choice(self, released: Path) -> None:
        source = ImageNetC.locate(released)
        plans = [
            [ImageNetCBuilder(source, seed=seed).plan(unit) for unit in ("n07753592", "n07747607")]
            for seed in (0, 0, 1)
        ]
        assert plans[0] == plans[1] != plans[2]

    def test_a_missing_archive_and_a_missing_level_change_no_other_sample(self, tmp_path: Path) -> None:
        empty_files(tmp_path, *fakes.IMAGENET_WNIDS)
        builder = ImageNetCBuilder(ImageNetC.locate(tmp_path))
        before = {sample.key: sample for unit in builder.units() for sample in builder.plan(unit).samples}
        incomplete, gone = next(iter(before.values())), "spatter"
        incomplete.recipe.severities[2].unlink()
        builder = replace(builder, source=ImageNetC({k: v for k, v in builder.source.folders.items() if k != gone}))
        plans = [builder.plan(unit) for unit in builder.units()]
        after = {sample.key: sample for plan in plans for sample in plan.samples}
        lost = {key for key in before if key == incomplete.key or before[key].recipe.corruption == gone}
        assert all(after[key] == before[key] for key in before.keys() - lost)
        assert lost.isdisjoint(after)
        [problem] = [problem for plan in plans for problem in plan.problems]
        assert "missing at severity 3" in str(problem)
        assert len([skip for plan in plans for skip in plan.skipped]) == len(lost)

    def test_a_damaged_picture_is_left_out_and_named(self, released: Path, tmp_path: Path) -> None:
        builder = ImageNetCBuilder(ImageNetC.locate(Path(shutil.copytree(released, tmp_path / "raw"))))
        damaged = builder.plan(builder.units()[0]).samples[0].recipe.severities[3]
        damaged.write_bytes(damaged.read_bytes()[:2000])
        report = build(builder, tmp_path / "out")
        assert report.samples == 9
        assert [str(damaged) in skip.reason for skip in left_out(tmp_path / "out")] == [True]

    def test_workers_and_interruptions_leave_no_trace(
        self, released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert build_again(ImageNetCBuilder(ImageNetC.locate(released)), tmp_path, monkeypatch)

    def test_more_pictures_than_corruptions_are_refused(self) -> None:
        with pytest.raises(UsageError, match=r"17 pictures of each class \(--per-category\): expected 1 to 16"):
            ImageNetCBuilder(ImageNetC({}), per_class=17)


class TestGeneratedPictures:
    def test_samples_are_sound(self, validation: Path, tmp_path: Path) -> None:
        report = build(GeneratedImageNetCBuilder(ImageNet.locate(validation.parent)), tmp_path)
        assert (report.samples, report.frames, report.problems) == (6, 30, [])
        for sample in sound_samples(tmp_path, IN_C):
            with Image.open(tmp_path / "test" / sample.image_template.format(level=5)) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (224, 224))

    def test_a_class_folder_layout_gives_the_same_samples(self, validation: Path, tmp_path: Path) -> None:
        sorted_root = fakes.make_imagenet(tmp_path, in_class_folders=True)
        fields = []
        for root in (validation.parent, sorted_root):
            builder = GeneratedImageNetCBuilder(ImageNet.locate(root))
            fields.append([sample.fields for unit in builder.units() for sample in builder.plan(unit).samples])
        assert fields[0] == fields[1]

    @pytest.mark.parametrize("corruption", ACTIONS)
    def test_levels_get_worse_and_the_seed_decides_them(self, corruption: str, validation: Path) -> None:
        image = resize_and_crop(read_picture(validation / "ILSVRC2012_val_00000001.JPEG"))
        levels = [np.asarray(corruptions.corrupt(image, corruption, severity, 5), float) for severity in (1, 3, 5)]
        again = np.asarray(corruptions.corrupt(image, corruption, 5, 5), float)
        assert (levels[-1] == again).all()
        if corruption != "saturate":  # its first levels take colour away, the others add some
            far = [np.abs(level - np.asarray(image, float)).mean() for level in levels]
            assert all(less < more for less, more in pairwise(far))

    @pytest.mark.parametrize("size", [(500, 375), (375, 500), (60, 40), (224, 3000), (256, 256)])
    def test_the_middle_is_kept(self, size: tuple[int, int]) -> None:
        image = Image.new("L", size)
        image.putpixel((size[0] // 2, size[1] // 2), 255)
        kept = np.asarray(resize_and_crop(image), float)
        assert kept.shape == (224, 224)
        row, column = np.unravel_index(kept.argmax(), kept.shape)
        assert abs(row - 112) <= 8
        assert abs(column - 112) <= 8

    def test_workers_and_interruptions_leave_no_trace(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root = fakes.make_imagenet(tmp_path / "raw", pictures=2)
        assert build_again(GeneratedImageNetCBuilder(ImageNet.locate(root.parent)), tmp_path / "out", monkeypatch)

    def test_grey_and_damaged_pictures(self, tmp_path: Path) -> None:
        root = fakes.make_imagenet(tmp_path / "raw", pictures=2)
        first, second = sorted(path for path in root.glob("ILSVRC*"))
        Image.open(first).convert("L").save(first)
        second.write_bytes(second.read_bytes()[:3000])
        report = build(GeneratedImageNetCBuilder(ImageNet.locate(root.parent), per_class=1), tmp_path / "out")
        assert report.samples == 1
        assert any(str(second) in skip.reason for skip in left_out(tmp_path / "out"))

    def test_a_missing_library_is_named_with_its_extra(self, validation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(corruptions, "_LIBRARIES", ("no-such-library",))
        with pytest.raises(UsageError, match=r"no-such-library.*proactivebench-toolkit\[corruptions\]"):
            GeneratedImageNetCBuilder(ImageNet.locate(validation.parent))

    def test_real_pictures(self, shared_data: Path, tmp_path: Path) -> None:
        (tmp_path / "raw").mkdir()
        pictures = sorted((shared_data / "imagenet" / "sample_images").iterdir())[:60:6]
        for number, path in enumerate(pictures, start=1):
            folder = tmp_path / "raw" / path.name[:9]
            folder.mkdir()
            (folder / f"ILSVRC2012_val_{number:08}.JPEG").write_bytes(path.read_bytes())
        build(GeneratedImageNetCBuilder(ImageNet.locate(tmp_path / "raw"), per_class=1), tmp_path / "out")
        assert len(sound_samples(tmp_path / "out", IN_C)) == len(pictures)
        for data in content(tmp_path / "out" / "test" / "ImageNet-C").values():
            assert Image.open(io.BytesIO(data)).size == (224, 224)
