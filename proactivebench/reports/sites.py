"""Albums served on this machine: the same page and the same names as in a report, made when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from threading import Lock

from proactivebench.benchmark import Benchmark
from proactivebench.models.base import PictureError
from proactivebench.reports.album import Album
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.page import runs_page, samples_page
from proactivebench.reports.report import chunk_script
from proactivebench.reports.runs import Run
from proactivebench.reports.sample_album import SampleAlbum
from proactivebench.reports.server import NOT_FOUND, Response, Site

HTML, TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"


class AlbumSite(Site):
    """An album as a site: `data/<chunk>.js` and `pictures/<..>/<name>.webp` beside a page that a subclass gives.

    Args:
        album: What to show.
    """

    def __init__(self, album: Album):
        self.album = album
        self._lock = Lock()

    def get(self, path: str) -> Response:
        match PurePosixPath(path).parts:
            case ("data", name) if name.endswith(".js"):
                return self._chunk(name.removesuffix(".js"))
            case ("pictures", _, name):
                return self._picture(name.removesuffix(".webp"))
        return NOT_FOUND

    def _chunk(self, name: str) -> Response:
        try:
            with self._lock:
                return Response(chunk_script(self.album, name), "text/javascript; charset=utf-8")
        except (IndexError, ValueError):
            return NOT_FOUND

    def _picture(self, name: str) -> Response:
        try:
            return Response(self.album.pictures.draw(name), "image/webp")
        except (KeyError, PictureError):
            return NOT_FOUND


class RunsSite(AlbumSite):
    """Runs, also while they are under way: the page asks for `version`, and for itself when that has changed.

    Args:
        runs: The runs, in order.
        compare_paper: Place them among the paper's models.
    """

    def __init__(self, runs: Sequence[Run], *, compare_paper: bool = False):
        self._runs = list(runs)
        self._episodes = EpisodeAlbum(self._runs)
        super().__init__(self._episodes)
        self._compare_paper = compare_paper
        self._shown_version = self._shown_page = ""

    def _version(self) -> str:
        return "-".join(str(run.size()) for run in self._runs)

    def get(self, path: str) -> Response:
        if path == "version":
            return Response(self._version().encode(), TEXT)
        return Response(self._page().encode(), HTML) if path == "" else super().get(path)

    def _page(self) -> str:
        with self._lock:
            version = self._version()
            if version != self._shown_version:
                self._runs = self._episodes.runs = [run.again() for run in self._runs]
                self._shown_page = runs_page(self._episodes, self._runs, compare_paper=self._compare_paper, live=True)
                self._shown_version = version
            return self._shown_page


class SamplesSite(AlbumSite):
    """The samples of a benchmark."""

    def __init__(self, benchmark: Benchmark):
        super().__init__(SampleAlbum(benchmark))
        titles = [scenario.title for scenario in benchmark.scenarios]
        title = titles[0].capitalize() if len(titles) == 1 else f"{len(titles)} scenarios"
        self._page = samples_page(self.album, title)

    def get(self, path: str) -> Response:
        return Response(self._page.encode(), HTML) if path == "" else super().get(path)
