"""COCO: the way of the view, from crops that show little of the object to one that shows it."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from builders.coco import QUESTIONS, SUGGESTIONS
from builders.coco_crops import DIRECTIONS, GRANULARITIES, MIN_VIEW, CropPlan, possible_crops
from proactivebench.scenarios import make_environment
from proactivebench.scenarios.check import check_environment
from proactivebench.scenarios.coco import CocoSample
from proactivebench.scenarios.reach import reachable
from proactivebench.views import Crop
from raw_sources.coco import Box
from tests.support.oracle import oracle_wins


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
    @example((192, 64, Box(63.999999999999986, 0, 1.0000000000000142, 1)))
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
