"""Writes docs/cli.md, every command with its `--help`: make reference. A test fails where it is out of date."""

from __future__ import annotations

from pathlib import Path

import click

from cli import main

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 100
INTRODUCTION = """# Commands

What `proactivebench COMMAND --help` says, for all commands. This page is made by `make reference`; do not edit it.
"""


def sections(command: click.Command, name: str, parent: click.Context | None = None) -> list[str]:
    """The help of a command and of all below it, each under its own heading."""
    look = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, parent=parent, info_name=name, **look)
    below = command.commands if isinstance(command, click.Group) else {}
    own = f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    return [own, *(section for name in below for section in sections(below[name], name, context))]


def reference() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *sections(main, "proactivebench")])


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
