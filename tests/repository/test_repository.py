"""What surrounds the code says what is true: generated pages, workflows, hooks, and the files that documents name."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


LONGEST = 300
"""Lines of a file that one person can keep in mind."""


def test_no_file_is_longer_than_a_room() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py", "*.js", "*.jinja", "*.html", "*.css"],
        cwd=ROOT, capture_output=True, text=True, check=True)  # fmt: skip
    files = [ROOT / name for name in listed.stdout.splitlines()]
    assert len(files) > 300
    long = {str(path.relative_to(ROOT)): lines for path in files if (lines := path.read_text().count("\n")) > LONGEST}
    assert not long, "split these by what they are about"


def read_yaml(*parts: str) -> Any:
    return yaml.safe_load(ROOT.joinpath(*parts).read_text(encoding="utf-8"))


def targets() -> set[str]:
    """What `make` can be asked for."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def asked_for(text: str) -> set[str]:
    """What a text asks `make` for, in code or in commands."""
    return set(re.findall(r"(?:^|`)make (?:--[a-z-]+ )*([a-z-]+)", text, re.MULTILINE))


def expanded(command: str, job: dict[str, Any]) -> list[str]:
    """A step's command once for each harness of its job's matrix."""
    harnesses = job.get("strategy", {}).get("matrix", {}).get("harness", [""])
    return [command.replace("${{ matrix.harness }}", harness) for harness in harnesses]


def own_environments() -> set[str]:
    """The targets that make an environment of their own, which CI is to run all."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+): PACKAGES :=", makefile, re.MULTILINE))


def test_the_reference_is_what_help_says() -> None:
    made = subprocess.run(
        [sys.executable, "-c", "import reference; print(reference.reference(), end='')"],
        cwd=ROOT / "docs", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert made.stdout == (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), "make reference"


def test_ci_runs_on_every_python_that_the_project_names() -> None:
    jobs = read_yaml(".github", "workflows", "ci.yml")["jobs"]
    pythons = jobs["check"]["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: 3."
    assert pythons == [f"3.{name.removeprefix(prefix)}" for name in PROJECT["classifiers"] if name.startswith(prefix)]
    assert all(python in SpecifierSet(PROJECT["requires-python"]) for python in pythons)
    [lowest] = [
        step["with"]["python-version"] for step in jobs["lowest"]["steps"] if "python-version" in step.get("with", {})
    ]
    assert lowest == pythons[0]


def test_every_command_of_make_exists() -> None:
    jobs = read_yaml(".github", "workflows", "ci.yml")["jobs"].values()
    commands = [run for job in jobs for step in job["steps"] for run in expanded(step.get("run", ""), job)]
    [local] = read_yaml(".pre-commit-config.yaml")["repos"]
    commands += [hook["entry"] for hook in local["hooks"]]
    asked = set().union(*map(asked_for, commands))
    assert asked == {"check", "docs", "reference", "test-lowest", *own_environments()}
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md", ".ci/run")]
    texts.append((ROOT / ".github" / "pull_request_template.md").read_text(encoding="utf-8"))
    assert asked.union(*map(asked_for, texts)) <= targets()


def test_hooks_fetch_nothing() -> None:
    [local] = read_yaml(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert {hook["language"] for hook in local["hooks"]} == {"system"}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_forms_have_what_a_form_needs(form: Path) -> None:
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    if form.name == "config.yml":
        assert set(content) == {"blank_issues_enabled"}
        return
    assert {"name", "description", "body"} <= set(content)
    ids = [field["id"] for field in content["body"]]
    assert len(set(ids)) == len(ids)
    assert all(field["type"] == "textarea" and field["attributes"]["label"] for field in content["body"])


def test_the_citation_names_paper_and_toolkit() -> None:
    citation = read_yaml("CITATION.cff")
    assert (citation["cff-version"], citation["license"]) == ("1.2.0", PROJECT["license"])
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]
    [paper] = citation["references"]
    assert paper["url"] == PROJECT["urls"]["Paper"]
    assert len(paper["authors"]) == 5


def test_every_promise_of_security_names_its_test() -> None:
    text, _, _ = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## What was tried")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "promise |" not in line]
    assert len(rows) >= 8
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    for row in rows:
        named = set(re.findall(r"`(test_\w+\.py)`", row))
        assert named and named <= tests, row


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://")):
            assert (ROOT / page).parent.joinpath(target).exists(), target
