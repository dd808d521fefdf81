"""The COCO builder: crops that miss the object and steps that bring it in, and which categories are wrong answers."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from builders.coco import QUESTIONS, SUGGESTIONS, CocoBuilder
from builders.coco_crops import DIRECTIONS, GRANULARITIES, MIN_VIEW, CropPlan, possible_crops
from builders.coco_similarity import HARD, RANDOM, Similarity, get_similarity
from builders.pipeline.build import build
from proactivebench.errors import UsageError
from proactivebench.scenarios import COCO, Action, is_abstention, make_environment
from proactivebench.scenarios.check import check_environment
from proactivebench.scenarios.coco import CocoSample
from proactivebench.scenarios.reach import reachable
from proactivebench.views import Crop
from raw_sources import fakes
from raw_sources.coco import CATEGORIES, SUPERCATEGORIES, Box, Coco
from tests.support.builds import build_again, content
from tests.support.oracle import oracle_wins, sound_samples

TOO_SMALL = "the photo is too small for a view that moves"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_coco(tmp_path_factory.mktemp("coco"), images=12)


def sample_of(plan: CropPlan) -> CocoSample:
    return CocoSample(
        id=0,
        image_template="coco2014/val2014/COCO_val2014_000000000042.jpg",
        first_image=0,
        num_images=1,
        reference_image=0,
        prompt=QUESTIONS[0],
        options=(*(SUGGESTIONS[part] for part in plan.direction.split("_")), "I cannot tell from this picture."),
        categories=("Cat.", "Dog.", "Cup.", "Bed."),
        answer="Cat.",
        **plan.fields(),
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[int, int, Box]:
    width, height = draw(st.integers(20, 900)), draw(st.integers(20, 900))
    left, right = sorted(draw(st.tuples(*[st.floats(0, width)] * 2)))
    top, bottom = sorted(draw(st.tuples(*[st.floats(0, height)] * 2)))
    assume(right - left >= 1)
    assume(bottom - top >= 1)
    return width, height, Box(left, top, right - left, bottom - top)


def overlap(crop: Crop, box: Box) -> float:
    """Share of the box's area inside the crop."""
    width = min(crop.right, box.left + box.width) - max(crop.left, box.left)
    height = min(crop.bottom, box.top + box.height) - max(crop.top, box.top)
    return max(width, 0) * max(height, 0) / (box.width * box.height)


class TestGeometry:
    @given(scenes())
    def test_every_possible_crop_plays_inside_the_picture(self, scene: tuple[int, int, Box]) -> None:
        width, height, box = scene
        for plan in possible_crops(width, height, box):
            sample = sample_of(plan)
            assert check_environment(sample) == []
            views = [observation.view for observation in reachable(make_environment(sample))]
            moves = 2 if "_" in plan.direction else 1
            assert len(views) == (plan.granularity + (plan.direction == "zoom")) ** moves
            for view in views:
                assert isinstance(view, Crop)
                assert 0 <= view.left < view.right <= width
                assert 0 <= view.top < view.bottom <= height
                assert min(view.right - view.left, view.bottom - view.top) >= MIN_VIEW
                assert all(edge == round(edge) for edge in (view.left, view.top, view.right, view.bottom))

    @given(scenes())
    def test_the_first_view_misses_the_object_beside_which_there_is_room_and_the_last_holds_it(
        self, scene: tuple[int, int, Box]
    ) -> None:
        width, height, box = scene
        for plan in possible_crops(width, height, box):
            environment = make_environment(sample_of(plan))
            first = environment.observe().view
            assert isinstance(first, Crop)
            if plan.direction == "zoom":
                assert len(possible_crops(width, height, box)) == 1, "a zoom is the last resort"
            else:
                assert overlap(first, box) == 0
            while environment.accepted:
                environment.step(environment.accepted[0])
            last = environment.observe().view
            assert isinstance(last, Crop)
            assert environment.shows_answer()
            assert last.left <= box.left
            assert last.top <= box.top
            assert last.right >= box.left + box.width - 1e-9
            assert last.bottom >= box.top + box.height - 1e-9
            assert oracle_wins(sample_of(plan))

    def test_an_object_in_the_middle_can_be_come_upon_from_everywhere(self) -> None:
        plans = possible_crops(640, 480, Box(240, 180, 160, 120))
        assert {plan.direction for plan in plans} == set(DIRECTIONS) - {"zoom"}

    @pytest.mark.parametrize(("room", "granularity"), [(151, 3), (150, 4), (101, 4), (100, 5), (76, 5)])
    def test_steps_are_as_few_as_it_takes(self, room: int, granularity: int) -> None:
        """The object is 300 pixels wide; one step less than the room has to be crossed in granularity - 1 moves."""
        [plan] = possible_crops(300 + room, 100, Box(0, 0, 300, 100))
        assert (plan.direction, plan.granularity) == ("left", granularity)

    @given(scenes())
    def test_a_zoom_shows_a_sliver_of_an_object_that_leaves_no_room(self, scene: tuple[int, int, Box]) -> None:
        width, height, box = scene
        for plan in possible_crops(width, height, box):
            view = make_environment(sample_of(plan)).observe().view
            if plan.direction == "zoom" and isinstance(view, Crop):
                views = GRANULARITIES[-1] + 1
                assert view.right - view.left <= max(MIN_VIEW, box.width / views) + 2 * views
                assert view.bottom - view.top <= max(MIN_VIEW, box.height / views) + 2 * views

    def test_an_object_that_fills_the_photo_is_hardly_seen_at_first(self) -> None:
        [plan] = possible_crops(640, 480, Box(0, 0, 640, 480))
        view = make_environment(sample_of(plan)).observe().view
        assert isinstance(view, Crop)
        assert overlap(view, Box(0, 0, 640, 480)) < 0.04

    def test_the_camera_moves_towards_the_object(self) -> None:
        towards_it = {"left", "up", "up_left"}
        assert {plan.direction for plan in possible_crops(640, 480, Box(0, 0, 60, 60))} == towards_it

    def test_width_and_height_are_edges_except_for_zoom(self) -> None:
        boxes = Box(100, 180, 160, 120), Box(20, 20, 600, 440)
        plans = [plan for box in boxes for plan in possible_crops(640, 480, box)]
        assert {plan.direction for plan in plans} == set(DIRECTIONS)
        for plan in plans:
            crop = sample_of(plan).crop
            zooms = plan.direction == "zoom"
            assert plan.horizontal[:2] == (crop.left, crop.width + (crop.left if zooms else 0))
            assert plan.vertical[:2] == (crop.top, crop.height + (crop.top if zooms else 0))

    def test_a_picture_that_is_too_small_has_none(self) -> None:
        assert possible_crops(MIN_VIEW - 1, 480, Box(0, 200, 20, 20)) == []


class TestTexts:
    def test_the_pool_of_questions_is_as_large_as_published(self) -> None:
        assert len(set(QUESTIONS)) == 15

    def test_a_suggestion_asks_for_its_direction_alone(self) -> None:
        actions = {part: COCO.action_of(text) for part, text in SUGGESTIONS.items()}
        assert actions == {
            "left": Action.LEFT, "right": Action.RIGHT, "up": Action.UP, "down": Action.DOWN, "zoom": Action.ZOOM,
        }  # fmt: skip
        for text in SUGGESTIONS.values():
            assert sum(keyword in text.lower() for keyword in COCO.keywords) == 1
            assert not is_abstention(text)

    def test_suggestions_are_what_the_published_package_looks_for(self) -> None:
        assert set(SUGGESTIONS.values()) == {
            "Move the camera to the left.",
            "Move the camera to the right.",
            "Move the camera up.",
            "Move the camera down.",
            "Move farther from the object.",
        }


class TestBuilder:
    def test_samples_are_sound(self, raw: Path, tmp_path: Path) -> None:
        report = build(CocoBuilder(Coco.locate(raw)), tmp_path)
        assert (report.samples, report.frames, report.skipped, report.problems) == (12, 12, [], [])
        for sample in sound_samples(tmp_path, COCO):
            assert isinstance(sample, CocoSample)
            assert sample.prompt in QUESTIONS
            shown = {SUGGESTIONS[part] for part in sample.direction.split("_")}
            assert {option for option in sample.options if not is_abstention(option)} == shown
            assert len(sample.options) == len(shown) + 1
            assert len(set(sample.categories)) == 4

    def test_photos_are_copied_byte_for_byte_grey_ones_too(self, raw: Path, tmp_path: Path) -> None:
        build(CocoBuilder(Coco.locate(raw)), tmp_path)
        frames = content(tmp_path / "test" / "coco2014")
        assert frames == {name: (raw / name).read_bytes() for name in frames}
        modes = {Image.open(tmp_path / "test" / "coco2014" / name).mode for name in frames}
        assert modes == {"RGB", "L"}

    def test_the_manifest_names_photo_and_licence(self, raw: Path, tmp_path: Path) -> None:
        build(CocoBuilder(Coco.locate(raw)), tmp_path)
        files = json.loads((tmp_path / "manifest.json").read_bytes())["scenarios"]["COCO"]["files"]
        photos = {path: file for path, file in files.items() if path.endswith(".jpg")}
        assert len(photos) == 12
        for path, file in photos.items():
            assert file["origin"] == f"COCO val2014, image {int(Path(path).stem[-12:])}"
            assert file["licence"] == "Attribution License"

    def test_workers_and_interruptions_leave_no_trace(
        self, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert build_again(CocoBuilder(Coco.locate(raw)), tmp_path, monkeypatch)

    def test_a_sample_depends_on_its_photo_and_the_seed_alone(self, raw: Path) -> None:
        builder = CocoBuilder(Coco.locate(raw))
        records = list(builder.source.records())
        assert builder.plan_record(records[0]) == builder.plan_record(records[0])
        other = CocoBuilder(builder.source, seed=1)
        assert [builder.plan_record(record) for record in records] != [other.plan_record(record) for record in records]

    def test_what_cannot_serve_is_left_out_with_the_reason(self, raw: Path) -> None:
        builder = CocoBuilder(Coco.locate(raw))
        record = next(iter(builder.source.records()))
        tiny = replace(record, box=Box(5, 5, 40, 40))
        assert [skip.reason for skip in builder.plan_record(tiny).skipped] == [
            "its object covers less than 1% of the photo"
        ]
        small = replace(record, width=40, height=30, box=Box(0, 0, 40, 30))
        assert [skip.reason for skip in builder.plan_record(small).skipped] == [TOO_SMALL]

    def test_damaged_missing_and_wrong_photos_are_left_out_and_named(self, tmp_path: Path) -> None:
        root = fakes.make_coco(tmp_path / "raw", images=6)
        records = list(Coco.locate(root).records())
        records[0].picture.write_bytes(records[0].picture.read_bytes()[:3000])
        records[1].picture.unlink()
        Image.new("RGB", (64, 64)).save(records[2].picture)
        report = build(CocoBuilder(Coco.locate(root)), tmp_path / "out")
        assert report.samples == 3
        assert [str(records[1].image_id) in problem.where for problem in report.problems] == [True]
        reasons = {skip.key: skip.reason for skip in report.skipped}
        assert str(records[0].picture) in reasons[str(records[0].image_id)]
        assert "(64, 64) pixels, its annotation says" in reasons[str(records[2].image_id)]

    def test_photos_that_came_later_are_another_build(self, tmp_path: Path) -> None:
        root = fakes.make_coco(tmp_path / "raw")
        photo = next(Coco.locate(root).records()).picture
        away = photo.rename(tmp_path / photo.name)
        build(CocoBuilder(Coco.locate(root)), tmp_path / "out")
        away.rename(photo)
        with pytest.raises(UsageError, match="raw data was"):
            build(CocoBuilder(Coco.locate(root)), tmp_path / "out")

    def test_real_photos(self, shared_data: Path, tmp_path: Path) -> None:
        report = build(CocoBuilder(Coco.locate(shared_data / "coco")), tmp_path)
        assert report.samples + len(report.skipped) == 15
        assert report.problems == []
        assert len(sound_samples(tmp_path, COCO)) >= 14


class TestSimilarity:
    def test_wrong_categories_are_of_the_same_kind_by_default(self, raw: Path) -> None:
        source = Coco.locate(raw)
        kinds = {f"{name.capitalize()}.": kind for name, kind in SUPERCATEGORIES.items()}
        for record in source.records():
            fields = CocoBuilder(source).plan_record(record).samples[0].fields
            assert {kinds[text] for text in fields["categories"]} == {kinds[fields["answer"]]}

    def test_every_category_has_similar_ones(self) -> None:
        for category in CATEGORIES:
            similar = HARD.similar[category]
            assert len(set(similar) - {category}) == len(similar) >= 3
            kinds = {SUPERCATEGORIES[other] for other in similar}
            assert kinds == ({"animal"} if category == "person" else {SUPERCATEGORIES[category]})

    def test_random_wrong_categories_come_from_all(self, raw: Path) -> None:
        records = list(Coco.locate(raw).records())
        shown = set()
        for seed in range(40):
            builder = CocoBuilder(Coco.locate(raw), seed=seed, similarity=RANDOM)
            shown |= {
                text for record in records for text in builder.plan_record(record).samples[0].fields["categories"]
            }
        assert len(shown) == len(CATEGORIES) == 80

    def test_a_file_decides_the_wrong_categories(self, raw: Path, tmp_path: Path) -> None:
        ranking = {name: [other for other in reversed(CATEGORIES) if other != name] for name in CATEGORIES}
        path = tmp_path / "near.json"
        path.write_text(json.dumps(ranking))
        similarity = get_similarity(str(path), tmp_path)
        assert similarity.name == "near.json"
        source = Coco.locate(raw)
        for record in source.records():
            fields = CocoBuilder(source, similarity=similarity).plan_record(record).samples[0].fields
            assert set(fields["categories"]) - {fields["answer"]} == {"Toothbrush.", "Hair drier.", "Teddy bear."}

    def test_another_ranking_is_another_build(self, raw: Path) -> None:
        one, two = ({name: list(order) for name in CATEGORIES} for order in (CATEGORIES[:4], CATEGORIES[4:8]))
        settings = [CocoBuilder(Coco.locate(raw), similarity=Similarity("file", r)).settings() for r in (one, one, two)]
        assert settings[0] == settings[1] != settings[2]

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("{", "is not a JSON object from each category"),
            ('{"dog": "cat"}', "is not a JSON object from each category"),
            ('{"person": ["dog", "cat"]}', "'person' needs 3 other categories, found 2"),
            ('{"person": ["dog", "person", "dog", "cat"]}', "'person' needs 3 other categories, found 2"),
            ('{"person": ["dog", "cat", "unicorn"]}', "'person' lists 'unicorn', which is not a category"),
        ],
    )
    def test_a_bad_file_is_explained(self, text: str, complaint: str, tmp_path: Path) -> None:
        path = tmp_path / "near.json"
        path.write_text(text)
        with pytest.raises(UsageError) as raised:
            get_similarity(str(path), tmp_path)
        assert str(path) in str(raised.value)
        assert complaint in str(raised.value)

    def test_a_missing_file_names_the_alternatives(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"`supercategories`, `random`, `clip:MODEL` or a file"):
            get_similarity(str(tmp_path / "none.json"), tmp_path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP text model of random weights, with a tokenizer of letters."""
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("clip")
    letters = "abcdefghijklmnopqrstuvwxyz"
    special = ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate([*letters, *(f"{a}</w>" for a in letters), *special])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, projection_dim=8, num_hidden_layers=1,
        num_attention_heads=2, bos_token_id=len(vocabulary) - 2, eos_token_id=len(vocabulary) - 1, pad_token_id=1,
    )  # fmt: skip
    transformers.CLIPTextModelWithProjection(config).save_pretrained(folder)
    return folder


class TestClip:
    def test_the_nearest_texts_are_kept_and_found_again(self, clip: Path, tmp_path: Path) -> None:
        similarity = get_similarity(f"clip:{clip}", tmp_path)
        assert set(similarity.similar) == set(CATEGORIES)
        for name in CATEGORIES:
            assert len({name, *similarity.similar[name]}) == 4
        assert len({tuple(similarity.similar[name]) for name in CATEGORIES}) > 10
        [kept] = tmp_path.iterdir()
        before = kept.stat().st_mtime_ns
        again = get_similarity(f"clip:{clip}", tmp_path)
        assert again == similarity
        assert kept.stat().st_mtime_ns == before
        by_hand = get_similarity(str(kept), tmp_path)
        assert by_hand.digest == similarity.digest

    def test_nearest_means_most_similar(self, clip: Path, tmp_path: Path) -> None:
        import torch
        from transformers import AutoTokenizer, CLIPTextModelWithProjection

        get_similarity(f"clip:{clip}", tmp_path)
        [kept] = tmp_path.iterdir()
        ranking = json.loads(kept.read_bytes())
        assert sorted(["dog", *ranking["dog"]]) == sorted(CATEGORIES)
        tokenizer, encoder = AutoTokenizer.from_pretrained(clip), CLIPTextModelWithProjection.from_pretrained(clip)

        def embedding(name: str) -> torch.Tensor:
            with torch.inference_mode():
                embeds: torch.Tensor = encoder(**tokenizer(f"a photo of a {name}", return_tensors="pt")).text_embeds
                return embeds[0]

        def similar(name: str) -> float:
            return float(torch.nn.functional.cosine_similarity(embedding("dog"), embedding(name), dim=0))

        values = [similar(name) for name in ranking["dog"]]
        assert all(first >= second - 1e-5 for first, second in pairwise(values))

    def test_a_model_that_is_not_there_is_an_error_in_words(self, tmp_path: Path) -> None:
        pytest.importorskip("transformers")
        with pytest.raises(UsageError, match="cannot be loaded"):
            get_similarity(f"clip:{tmp_path / 'none'}", tmp_path)

    def test_code_of_the_model_is_never_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        transformers = pytest.importorskip("transformers")
        asked = []

        def load(model: str, **options: object) -> None:
            asked.append(options)
            raise OSError("nothing there")

        for name in ("AutoTokenizer", "CLIPTextModelWithProjection"):
            monkeypatch.setattr(getattr(transformers, name), "from_pretrained", load)
        with pytest.raises(UsageError, match="nothing there"):
            get_similarity("clip:some/model", tmp_path)
        assert asked == [{"trust_remote_code": False}]
