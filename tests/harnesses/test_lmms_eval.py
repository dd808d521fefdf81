"""lmms-eval's own loader and evaluator, with a model that is a function of what it sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lmms_eval", reason="lmms-eval does not install beside the pinned versions: make test-lmms-eval")

from tests.support import seeing
from tests.support.processes import ROOT

TASKS = ROOT / "environments" / "lmms_eval"

PROGRAM = """
import json, sys
from lmms_eval.api.model import lmms
from lmms_eval.evaluator import simple_evaluate
from lmms_eval.tasks import TaskManager
import sight

class Seeing(lmms):
    is_simple = SIMPLE
    def generate_until(self, requests):
        replies = []
        for request in requests:
            if self.is_simple:
                text, settings, visual, number, task, split = request.args
                [picture] = visual(self.task_dict[task][split][number])
            else:
                text, messages, settings, number, task, split = request.args
                [message] = messages(self.task_dict[task][split][number])
                picture, text = message["content"][0]["url"], message["content"][1]["text"]
            assert settings["max_new_tokens"] == 50
            replies.append(sight.answer(text, picture))
        return replies
    def loglikelihood(self, requests): raise NotImplementedError
    def generate_until_multi_round(self, requests): raise NotImplementedError

manager = TaskManager("WARNING", include_path="TASKS", include_defaults=False)
names = ["proactivebench_rod", "proactivebench_qd", "proactivebench_coco"]
found = simple_evaluate(model=Seeing(), tasks=names, task_manager=manager, log_samples=True, batch_size=1)
scores = {}
for name in names:
    for one in found["samples"][name]:
        scores[one["doc"]["id"]] = {"acc": one["acc"], "psr": one["psr"]}
json.dump({"scores": scores, "results": found["results"]}, open("OUT", "w"), default=str)
"""


@pytest.mark.parametrize(("simple", "settings"), [(True, {}), (False, {}), (True, {"mode": "reference"})])
def test_the_scores_are_those_of_evaluate(tmp_path: Path, simple: bool, settings: dict[str, str]) -> None:
    run = seeing.play_seeing(seeing.build_seen(tmp_path / "data"), tmp_path / "run", **settings)
    program = PROGRAM.replace("TASKS", str(TASKS)).replace("OUT", str(tmp_path / "out.json"))
    variables = {
        "PROACTIVEBENCH_DATA": str(tmp_path / "data"),
        "PROACTIVEBENCH_SETTINGS": json.dumps(settings),
        "PYTHONPATH": str(ROOT / "tests" / "support"),
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program.replace("SIMPLE", str(simple))],
        cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads((tmp_path / "out.json").read_bytes())
    assert found["scores"] == seeing.scores_of(run)
