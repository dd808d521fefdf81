"""Puts the shards of a run together: the folder is then that of a run that one machine has played.

Shards may have asked different servers and run on different machines; everything else that decides the numbers must be
the same. The scores are computed anew from all episodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from proactivebench.errors import UsageError
from proactivebench.evaluation.judging import run_metrics
from proactivebench.evaluation.metrics import finished
from proactivebench.evaluation.run_log import (
    EPISODES,
    METRICS,
    PROMPTS,
    RUN,
    SHARD,
    read_episodes,
    read_run,
    read_where,
    write_where,
)
from proactivebench.work.aside import different
from proactivebench.work.files import parse_json, write_json, write_whole, writing
from proactivebench.work.folder import MACHINES, changes, locked
from proactivebench.work.lines import complete_lines
from proactivebench.work.shards import SHARDS, Shard, all_shards, remove_shards

_ASKED = ("model", "judge")
"""Who may have been asked at several servers."""


def merge_run(folder: Path) -> dict[str, Any]:
    """Makes a run from its shards, which are gone then.

    Args:
        folder: The run's folder.

    Returns:
        The scores, which are in `metrics.json` too.

    Raises:
        UsageError: A shard is missing, not played to its end, or of another run than the others; or the folder holds
            another run.
        ResumableError: The disk is full or not writable.
    """
    with locked(folder), writing(folder):
        shards = all_shards(folder / SHARDS, lambda shard: (shard / METRICS).is_file())
        description = _common(folder, shards)
        for name in (EPISODES, PROMPTS):
            write_whole(folder / name, _lines(shards, name))
        if where := read_where(shards[0]):
            write_where(folder, where)
        write_json(folder / RUN, description)
        described = read_run(folder)
        metrics = run_metrics(read_episodes(folder), (), described.settings.seed)
        if (played := finished(metrics)) != described.episodes:
            raise UsageError(f"{folder / SHARDS} holds {played:,} of {described.episodes:,} episodes. Play them again.")
        write_json(folder / METRICS, metrics)
        remove_shards(folder / SHARDS)
    return metrics


def _lines(shards: Sequence[Path], name: str) -> Iterator[bytes]:
    """The lines of all shards, each once."""
    return different(chain.from_iterable(complete_lines(shard / name) for shard in shards))


def _common(folder: Path, shards: Sequence[Path]) -> dict[str, Any]:
    """What all shards say of their run, with all servers and machines."""
    said = [parse_json((shard / RUN).read_bytes()) for shard in shards]
    for place, (shard, one) in enumerate(zip(shards, said, strict=True), start=1):
        if one.get(SHARD) != str(Shard(place, len(shards))):
            raise UsageError(
                f"{shard / RUN} says that it is shard {one.get(SHARD)}, which it is not called. Play it again."
            )
    first = _comparable(said[0])
    there = [folder] if (folder / RUN).exists() else []
    for other in (*shards[1:], *there):
        if changed := changes(first, _comparable(parse_json((other / RUN).read_bytes()))):
            raise UsageError(f"{shards[0]} and {other} are of different runs: {'; '.join(changed)}.")
    for who in _ASKED:
        servers = {server for one in said if one[who] for server in _servers(one[who])}
        if servers:
            first[who]["server"] = min(servers) if len(servers) == 1 else sorted(servers)
    machines = [machine for one in said for machine in one.get(MACHINES, ())]
    return first | {MACHINES: [machine for place, machine in enumerate(machines) if machine not in machines[:place]]}


def _servers(asked: Mapping[str, Any]) -> list[str]:
    server = asked.get("server", [])
    return [server] if isinstance(server, str) else list(server)


def _comparable(description: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same in all shards."""
    said = {name: value for name, value in description.items() if name not in (SHARD, MACHINES)}
    for who in _ASKED:
        said[who] = said[who] and {name: value for name, value in said[who].items() if name != "server"}
    return said
