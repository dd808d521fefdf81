"""ZOOM: a page whose small text cannot be read. A page for each room: `source`, `scenario`, `builder`."""

from zoom_text.builder import ZoomBuilder
from zoom_text.scenario import ZOOM
from zoom_text.source import Notes

SCENARIOS = (ZOOM,)
SOURCES = (Notes,)
BUILDERS = (ZoomBuilder,)
