"""`new-scenario`: a working scenario of one's own to begin with, from the templates in `skeleton/`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from commands.shared import FOLDER, output

TEMPLATES = Path(__file__).with_name("skeleton")
SUFFIX, PACKAGE = ".txt", "package"
"""What a template's name ends with, and the folder that gets the name of the scenario."""


@click.command("new-scenario")
@click.argument("name")
@click.option("--out", type=FOLDER, help="Folder to make.  [default: NAME in the working directory]")
def new_scenario(name: str, out: Path | None) -> None:
    """Write a scenario of your own to begin with: pages, made-up raw data, and a test that passes.

    NAME is that of a Python package: lower-case letters, digits and underscores.
    """
    from proactivebench.errors import UsageError
    from proactivebench.work.files import whole

    words = _words(name)
    target = out or Path(name)
    if target.exists():
        raise UsageError(f"{target} is there already. Choose another name, or another folder with --out.")
    with whole(target) as made:
        _write(made, words)
    for line in (
        f"{target} is there. Its test passes already, and its scenario can be built:",
        f"  pytest {target}",
        f"  python {target / name / 'fake.py'} {target / 'raw'}",
        f"  proactivebench build {words['short']} --raw {target / 'raw'} --out data --plugin {target / name}",
        f"  proactivebench look data --plugin {target / name}",
        f"Now make it yours, page by page: {target / 'README.md'}.",
    ):
        output().print(line, soft_wrap=True, markup=False, highlight=False)


def _words(name: str) -> dict[str, str]:
    """What the placeholders of the templates stand for.

    Raises:
        UsageError: The name cannot be that of a package, or means something already.
    """
    import keyword
    from importlib.util import find_spec

    from proactivebench.errors import UsageError
    from proactivebench.scenarios import SCENARIOS

    if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot name a package: expected lower-case letters, digits and underscores.")
    if find_spec(name) is not None or name == "fake":
        raise UsageError(f"{name!r} is the name of a Python module already. Choose another.")
    plain = name.replace("_", "")
    known = (one for scenario in SCENARIOS.values() for one in (scenario.name, scenario.dataset))
    if plain in {"all", "train"} | {re.sub(r"\W|_", "", one.lower()) for one in known}:
        raise UsageError(f"There is a scenario {name!r} already. Choose another name.")
    return {
        "module": name,
        "constant": name.upper(),
        "Class": "".join(part.capitalize() for part in name.split("_")),
        "short": name.upper().replace("_", "-"),
        "dist": name.replace("_", "-"),
    }


def _write(target: Path, words: dict[str, str]) -> None:
    """Writes every template with its placeholders filled in."""
    from string import Template

    for template in sorted(TEMPLATES.rglob(f"*{SUFFIX}")):
        parts = template.relative_to(TEMPLATES).with_suffix("").parts
        path = target.joinpath(*(words["module"] if part == PACKAGE else part for part in parts))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
