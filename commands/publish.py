"""`package`, `publish` and `pull`: a benchmark becomes archives, goes to the Hugging Face Hub, and comes back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from commands.shared import EXISTING_FOLDER, FOLDER, console, progress


@click.command()
@click.argument("data", type=EXISTING_FOLDER)
def package(data: Path) -> None:
    """Make the archives of the published layout, test/<dataset>.zip, for the benchmark in DATA.

    The same frames give the same bytes. Frames that differ from the manifest are refused; archives that are up to date
    are left alone.
    """
    from rich.filesize import decimal

    from builders.hub.build import Build
    from builders.hub.package import package as package_benchmark
    from builders.pipeline.parts import working_in

    with working_in(data), progress() as bars:
        archives = package_benchmark(Build.open(data), bars)
    for archive in archives:
        done = "was up to date" if archive.up_to_date else "written"
        console().print(f"{archive.path} {done}: {archive.frames:,} frames, {decimal(archive.bytes)}.", soft_wrap=True)


@click.command()
@click.argument("data", type=EXISTING_FOLDER)
@click.option("--repo", required=True, metavar="USER/NAME", help="Data set repository; created if it does not exist.")
@click.option(
    "--scenario", "parts", multiple=True, help="Publish only this scenario, or `train`; may be repeated. Default: all."
)
@click.option("--private", is_flag=True, help="Create a private repository.")
@click.option("--dry-run", is_flag=True, help="Write and show what would be published, without network.")
@click.option(
    "--i-have-the-rights",
    "cleared",
    multiple=True,
    metavar="SOURCE",
    help="You may share the pictures of this raw source, although its licence does not say so; may be repeated.",
)
def publish(
    data: Path, repo: str, parts: tuple[str, ...], private: bool, dry_run: bool, cleared: tuple[str, ...]
) -> None:
    """Publish the benchmark in DATA on the Hugging Face Hub.

    Archives, samples, a Parquet file per scenario for the viewer, a data set card and a Croissant description.
    Repeated, it uploads what has changed; interrupted, it resumes. The token is that of `hf auth login`, or HF_TOKEN.
    """
    from rich.filesize import decimal

    from builders.hub.client import connect
    from builders.hub.publish import prepare, upload
    from builders.pipeline.parts import working_in

    api = connect()
    say = partial(console().print, soft_wrap=True, markup=False)
    with working_in(data):
        with progress() as bars:
            publication = prepare(data, repo, api.endpoint, parts=parts, cleared=cleared, progress=bars)
        done = None if dry_run else upload(api, publication, private=private)
    if done is None:
        total = decimal(sum(file.bytes for file in publication.files))
        say(f"Nothing was uploaded. {publication.address} would hold {len(publication.files)} files ({total}):")
        for file in publication.files:
            say(f"  {file.path}  {decimal(file.bytes)}")
        say(f"A repository that does not exist yet is made {'private' if private else 'public'}. Files that it has are")
        say("not sent again; those that only an earlier publication had are removed; all others stay.")
        say(f"All of them lie in {data}; read the card first: {data / 'README.md'}.")
        return
    for file in done.sent:
        say(f"  sent     {file.path}  {decimal(file.bytes)}")
    for path in done.removed:
        say(f"  removed  {path}")
    say(f"{publication.address}: {len(done.sent)} files sent, {len(done.removed)} removed, {done.unchanged} unchanged.")


@click.command()
@click.argument("repo", default="tdemin16/ProactiveBench", metavar="[USER/NAME]")
@click.option("--out", type=FOLDER, required=True, help="Folder of the benchmark; an interrupted pull is continued.")
@click.option(
    "--scenario",
    "parts",
    multiple=True,
    help="Get only this scenario, or `train` for the training split; may be repeated.",
)
@click.option("--revision", help="Branch, tag or commit; by default the newest commit.")
def pull(repo: str, out: Path, parts: tuple[str, ...], revision: str | None) -> None:
    """Get the scenarios of a published benchmark from the Hugging Face Hub, by default those of the original.

    Everything is verified, and archives are unpacked with care. Repeated, it gets what has changed.
    """
    from builders.hub.client import connect
    from builders.hub.pull import pull as pull_benchmark
    from commands.shared import download_progress

    with download_progress() as bars:
        pulled = pull_benchmark(connect(), repo, out, parts=parts, revision=revision, progress=bars)
    for part in pulled.fetched:
        console().print(f"{part} downloaded and unpacked.")
    for part in pulled.up_to_date:
        console().print(f"{part} was up to date.")
    console().print(f"{out} holds {repo} at commit {pulled.commit}.", soft_wrap=True, markup=False)
