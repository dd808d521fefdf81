"""The program, with all work waiting for the worker processes: `python -m tests.support.together build ...`.

Otherwise a build as short as those of the tests is done before others have started, and nothing of them is tried.
"""

from __future__ import annotations

from builders.pipeline import workers
from cli import main

if __name__ == "__main__":
    workers.WAIT_FOR_ALL = True
    main()
