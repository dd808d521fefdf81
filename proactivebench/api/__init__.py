"""The way in for Python, which `import proactivebench` offers under its own name.

What the commands do to a benchmark, a model and a run can be done here with objects that a notebook shows: frames,
episodes, scores, plots. Names of scenarios may be given as on the command line. What goes wrong is a
`ProactiveBenchError` with the same sentence.
"""

from proactivebench.api.benchmarks import Benchmark, Game, Sample, build, open_benchmark
from proactivebench.api.playing import evaluate, load_model
from proactivebench.api.plots import Plot, plot
from proactivebench.api.rows import Rows
from proactivebench.api.runs import PlayedEpisode, Run, compare, load_run, when
from proactivebench.api.tables import Table, table
from proactivebench.errors import ProactiveBenchError
from proactivebench.evaluation.settings import Settings
from proactivebench.images import Picture, load_picture
from proactivebench.models.base import Model, Refusal, Reply, Request

__all__ = [
    "Benchmark",
    "Game",
    "Model",
    "Picture",
    "PlayedEpisode",
    "Plot",
    "ProactiveBenchError",
    "Refusal",
    "Reply",
    "Request",
    "Rows",
    "Run",
    "Sample",
    "Settings",
    "Table",
    "build",
    "compare",
    "evaluate",
    "load_model",
    "load_picture",
    "load_run",
    "open_benchmark",
    "plot",
    "table",
    "when",
]
