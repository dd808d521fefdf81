"""The conformance test that strangers run: our own seven pass it, and it finds what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders.base import Builder, Frame, Plan, PlannedSample
from builders.changeit import ChangeItBuilder
from builders.coco import CocoBuilder
from builders.imagenet_c import ImageNetCBuilder
from builders.mvpn import MvpnBuilder
from builders.quickdraw import QuickDrawBuilder
from builders.rod import RodBuilder
from builders.vsod import VsodBuilder
from builders.vsod_labels import VsodLabel
from proactivebench.scenarios import SCENARIOS
from proactivebench.testing import conform
from raw_sources import fakes
from raw_sources.changeit import ChangeIt
from raw_sources.coco import Coco
from raw_sources.imagenet_c import ImageNetC
from raw_sources.mvpn import Mvpn
from raw_sources.quickdraw import DrawingRef, QuickDraw
from raw_sources.rod import Rod
from raw_sources.vsod import Vsod
from tests.support.small_benchmark import DRAWINGS


def people(number: int) -> VsodLabel:
    """What a person would say about a made-up video."""
    return VsodLabel(
        where="here",
        video=f"test/video_{number:03}",
        first_image=12,
        reference_image=2,
        kind="people",
        question="",
        answer=("Two", "Three")[number],
        wrong_answers=("One", "Four", "Five"),
        strong_occlusions=True,
    )


BUILDERS: dict[str, Callable[[Path], Builder[Any, Any]]] = {
    "ROD": lambda raw: RodBuilder(Rod.locate(fakes.make_rod(raw)), max_pixels=64 * 64),
    "VSOD": lambda raw: VsodBuilder(Vsod.locate(fakes.make_vsod(raw)), [people(0), people(1)]),
    "MVP-N": lambda raw: MvpnBuilder(Mvpn.locate(fakes.make_mvpn(raw)), fakes.MVPN_NAMES),
    "IN-C": lambda raw: ImageNetCBuilder(ImageNetC.locate(fakes.make_imagenet_c(raw))),
    "QD": lambda raw: QuickDrawBuilder(QuickDraw.locate(DRAWINGS), per_category=1, categories=["cat", "bus"]),
    "CIT": lambda raw: ChangeItBuilder(ChangeIt.locate(fakes.make_changeit(raw))),
    "COCO": lambda raw: CocoBuilder(Coco.locate(fakes.make_coco(raw, images=2))),
}


@pytest.mark.parametrize("name", list(SCENARIOS)[:7])
def test_the_seven_conform(name: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    conform(BUILDERS[name](tmp_path / "raw"), tmp_path / "work")


class Unsteady(QuickDrawBuilder):
    """Its frames depend on the process that draws them."""

    def render(self, planned: PlannedSample[DrawingRef]) -> Iterator[Frame]:
        for frame in super().render(planned):
            yield Frame(frame.path, frame.data + str(os.getpid()).encode())


class Unreachable(QuickDrawBuilder):
    """Its reference frame is one that no suggestion leads to."""

    def plan(self, unit: str) -> Plan[DrawingRef]:
        plan = super().plan(unit)
        return replace(
            plan, samples=[replace(one, fields={**one.fields, "reference_image": 0}) for one in plan.samples]
        )


@pytest.mark.parametrize(
    ("kind", "categories", "said"),
    [
        (Unsteady, ["cat", "bus"], "Two processes do not build what one builds"),
        (Unreachable, ["cat", "bus"], "reference_image: the first frame shows it already"),
        (QuickDrawBuilder, ["cat"], "one sample alone"),
    ],
)
def test_what_is_wrong_is_found(kind: type[QuickDrawBuilder], categories: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        conform(kind(QuickDraw.locate(DRAWINGS), per_category=1, categories=categories), tmp_path)
