"""All builders, one for each scenario: ours and those of plug-ins. This page collects and knows nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

from builders.base import Builder, Portion
from builders.changeit import ChangeItBuilder
from builders.coco import CocoBuilder
from builders.imagenet_c import ImageNetCBuilder
from builders.mvpn import MvpnBuilder
from builders.options import Option
from builders.quickdraw import QuickDrawBuilder
from builders.rod import RodBuilder
from builders.train.split import TrainSplit
from builders.vsod import VsodBuilder
from proactivebench.errors import UsageError
from proactivebench.layout import TRAIN
from proactivebench.scenarios import Scenario
from raw_sources.base import SourceNotFoundError
from raw_sources.plugins import PluginError, collect, listed

AnyBuilder = type[Builder[Any, Any]]

_OURS: Sequence[AnyBuilder] = (
    RodBuilder,
    VsodBuilder,
    MvpnBuilder,
    ImageNetCBuilder,
    QuickDrawBuilder,
    ChangeItBuilder,
    CocoBuilder,
)


def _is_builder(thing: object) -> TypeGuard[AnyBuilder]:
    return isinstance(thing, type) and issubclass(thing, Builder)


@lru_cache
def _all(plugins: str) -> dict[str, AnyBuilder]:
    found = collect("builders", _OURS, _is_builder, lambda builder: [builder.scenario.name])
    return {builder.scenario.name: builder for builder in found}


def builders() -> Mapping[str, AnyBuilder]:
    """Short scenario name -> its builder: the seven in the order of the paper's tables, then those of plug-ins."""
    return _all(listed())


def builder_options() -> list[Option]:
    """All options of all builders, those of the train split last; what several builders share is there once.

    Raises:
        PluginError: Two builders mean different things by one name.
    """
    found: dict[str, Option] = {}
    for builder in builders().values():
        for option in (*builder.OPTIONS, *filter(None, [builder.TRAIN_ROWS])):
            if found.setdefault(option.name, option) != option:
                raise PluginError(f"{builder.__name__}: another builder has an option {option.flag}. Rename it.")
    rows = train_options()
    return [option for option in found.values() if option not in rows] + rows


def train_options() -> list[Option]:
    """The options that say how many rows of the train split come from whom."""
    return [builder.TRAIN_ROWS for builder in builders().values() if builder.TRAIN_ROWS]


def meant_for(option: Option) -> list[str]:
    """What an option is for: short names of scenarios, and `train`."""
    named = [name for name, builder in builders().items() if option in builder.OPTIONS]
    train = any(option in (*b.OPTIONS, b.TRAIN_ROWS) for b in builders().values() if b.TRAIN_ROWS)
    return [*named, TRAIN] if train else named


def proposing() -> list[str]:
    """Short names of the scenarios that have a table to propose."""
    return [name for name, builder in builders().items() if builder.PROPOSES]


def make_builder(scenario: Scenario, raw: Path, **said: Any) -> Builder[Any, Any]:
    """Finds the raw data of a scenario and makes its builder.

    Args:
        scenario: What to build.
        raw: Folder with the raw data, up to `raw_sources.folders.DEPTH` folders deep.
        said: Seed and options, where they are not the default; those of other builders are passed over.

    Raises:
        SourceNotFoundError: The raw data are not there.
        NeedsMoreError: Something else is needed.
        UsageError: An option cannot be meant, a file that it names is wrong, or the scenario has no builder.
        SourceError: The raw data cannot be used at all.
    """
    builder = builders().get(scenario.name)
    if builder is None:
        raise UsageError(f"{scenario.name} cannot be built: what brings it has no builder.")
    return builder.from_options(raw, _options(builder, said))


def make_train_split(raw: Path, rows: Mapping[str, int], **said: Any) -> TrainSplit:
    """Finds the raw data of the train split and says what it is made from.

    Args:
        raw: Folder with the raw data, up to `raw_sources.folders.DEPTH` folders deep.
        rows: Short scenario name -> number of rows; 0, or not there, for none.
        said: Seed and options of the builders; those of the benchmark must be the same.

    Raises:
        SourceNotFoundError: The raw data are not there.
        UsageError: Nothing is asked for, or an option cannot be meant.
    """
    offering = {name: builder for name, builder in builders().items() if builder.TRAIN_ROWS}
    portions = [_portion(builder, raw, said, rows[name]) for name, builder in offering.items() if rows.get(name)]
    if not portions:
        flags = " or ".join(option.flag for option in train_options())
        raise UsageError(f"The train split needs rows: {flags} above 0.")
    return TrainSplit(portions, said.get("seed", 0))


def _portion(builder: AnyBuilder, raw: Path, said: Mapping[str, Any], count: int) -> Portion[Any, Any]:
    try:
        return builder.train_portion(raw, _options(builder, said), count)
    except SourceNotFoundError as error:
        assert builder.TRAIN_ROWS is not None
        raise SourceNotFoundError(f"{error} To do without them: {builder.TRAIN_ROWS.flag} 0.") from None


def _options(builder: AnyBuilder, said: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"seed": 0, "keep": Path()} | {option.name: option.default for option in builder.OPTIONS}
    return {name: said.get(name, default) for name, default in defaults.items()}
