"""DARK: any folder of photographs, taken too dark. A page for each room: `source`, `scenario`, `builder`."""

from dark.builder import DarkBuilder
from dark.scenario import DARK
from dark.source import Photos

SCENARIOS = (DARK,)
SOURCES = (Photos,)
BUILDERS = (DarkBuilder,)
