"""Mutated files for every reader of raw data: none may end in anything but a record or one of our errors.

`python -m tests.raw_sources.fuzz_readers [FORMAT...] [--count 10000]` prints one JSON line per format: how many inputs
were tried, how many survived, the slowest in milliseconds of processor time, the memory of the process in MB, and the
first failures. They run in processes of their own under a limit of memory and of time for each, so that a crash is
counted, too. The same number gives the same input; `test_fuzz.py` tries the first ones.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from tests.raw_sources.fuzz_formats import FORMATS, in_our_words

SECONDS = 20
"""An input that takes more of a processor's time has failed; the time of a busy machine does not count."""

MEMORY = 4 << 30
"""Bytes of address space that a process may take."""

_TOKENS = (
    *(b"NaN", b"Infinity", b"-1", b"0", b"1e999", b"-1e308", b"9" * 30, b"9" * 5_000, b"null", b"true", b'""', b"[]"),
    *(
        b"[" * 3_000,
        b'{"a":' * 3_000,
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x00",
        b"\r\n",
        b"\n",
        b'"',
        b",",
        b"<",
        b"&",
        b"..",
        b"/",
    ),
    *(b"<!DOCTYPE a>", b"<object/>" * 200, b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\\ud800"),
)


def mutated(whole: bytes, number: int) -> bytes:
    """The input of a number: the file with one to eight changes."""
    rng = random.Random(number)
    data = bytearray(whole)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        place, length = rng.randrange(len(data) + 1), rng.choice((1, 1, 2, 4, 16, 200))
        match rng.randrange(7):
            case 0:
                data[place : place + 1] = bytes([rng.randrange(256)])
            case 1 if place < len(data):
                data[place] ^= 1 << rng.randrange(8)
            case 2:
                data[place : place + rng.choice((0, length))] = rng.choice(_TOKENS)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length] * rng.choice((1, 2, 50))
            case 5:
                data[place : place + length] = rng.randbytes(length)
            case _ if rng.random() < 0.3:
                del data[place:]
    return bytes(data)


def attempt(name: str, numbers: range) -> list[str]:
    """Tries the inputs of these numbers in this process; returns the failures."""
    failures: list[str] = []
    _attempt(
        name, numbers, lambda number, seconds, failure: failures.append(f"{number}: {failure}") if failure else None
    )
    return failures


def _attempt(name: str, numbers: range, tell: Callable[[int, float, str | None], None]) -> None:
    format_ = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = format_.whole(Path(folder))
        whole = path.read_bytes()
        for number in numbers:
            path.write_bytes(mutated(whole, number))
            failure, start = None, time.process_time()
            try:
                in_our_words(lambda: format_.read(path))
            except Exception as error:
                failure = f"{type(error).__name__}: {error}"[:200]
            tell(number, time.process_time() - start, failure)


def _child(name: str, numbers: range, pipe: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)

    def tell(number: int, seconds: float, failure: str | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        pipe.send((number, seconds, failure, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))

    _attempt(name, numbers, tell)


def fuzz(name: str, count: int) -> dict[str, object]:
    """Tries that many inputs of a format, as the module says."""
    done, slowest, peak, failures = 0, 0.0, 0, list[str]()
    while done < count:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("spawn").Process(target=_child, args=(name, range(done, count), theirs))
        child.start()
        theirs.close()
        try:
            while True:
                number, seconds, failure, memory = ours.recv()
                done, slowest, peak = number + 1, max(slowest, seconds), max(peak, memory)
                failures += [f"{number}: {failure}"] if failure else []
        except EOFError:
            child.join()
        if done < count:
            failures.append(f"{done}: the process ended with {child.exitcode}")
            done += 1
    figures = {"tried": count, "survived": count - len(failures), "slowest_ms": round(1000 * slowest, 1)}
    return {"format": name, **figures, "peak_mb": peak // 1024, "failures": failures[:5]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("formats", nargs="*", choices=[*FORMATS, []], metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--count", type=int, default=10_000, help="inputs of each format")
    options = parser.parse_args()
    results = []
    for chosen in options.formats or FORMATS:
        results.append(fuzz(chosen, options.count))
        print(json.dumps(results[-1]), flush=True)
    sys.exit(any(result["failures"] for result in results))
