"""Requests per second of the evaluator against a server, beside the server's own limit.

The server answers every request after a fixed delay, as many at once as come; it runs in a process of its own. Its
limit is what a bare client gets that sends the same request again and again over as many connections. Ours is the
whole evaluation: samples read, pictures encoded, replies read, episodes on disk, metrics with intervals. Prints one
JSON line.

    python benchmarks/evaluate_openai.py --concurrency 64 --delay 0.5
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from builders.pipeline.build import build
from builders.quickdraw import QuickDrawBuilder
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.settings import Settings
from proactivebench.models.openai_model import OpenAIModel
from proactivebench.scenarios import QD
from raw_sources.quickdraw import QuickDraw

DRAWINGS = Path(__file__).parent.parent / "raw_sources" / "bundled" / "quickdraw" / "simplified"


def category(request: bytes) -> str:
    """The first category, with which every episode ends after one request."""
    return "C"


def suggestion(request: bytes) -> str:
    """The one of the first two options that is no abstention, with which every episode is asked to its end."""
    return "B" if b"A. I " in request else "A"


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """Reads the head and body of an HTTP message with a Content-Length; empty where the other side has gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        return head + await reader.readexactly(int(length[1]) if length else 0)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def completion(text: str) -> bytes:
    """The HTTP response with a reply."""
    said = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    whole = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [said], "usage": usage}
    body = json.dumps(whole).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def serve(delay: float, port: Connection, first: Connection, reply: Callable[[bytes], str]) -> None:
    """Answers for ever; sends its port, and the first request that it gets."""
    requests = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while request := await read_message(reader):
            requests += 1
            if requests == 1:
                first.send(request)
            await asyncio.sleep(delay)
            writer.write(completion(reply(request)))
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1 << 20)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def run_server(delay: float, port: Connection, first: Connection, reply: Callable[[bytes], str]) -> None:
    """The server's process."""
    asyncio.run(serve(delay, port, first, reply))


@contextmanager
def server(delay: float, reply: Callable[[bytes], str]) -> Iterator[tuple[int, Connection]]:
    """A server in a process of its own, as long as the block lasts.

    Args:
        delay: Seconds until it answers.
        reply: From a request, as it was sent, to the reply.

    Yields:
        Its port, and where the first request arrives.
    """
    (port, sent_port), (first, sent_first) = (multiprocessing.Pipe(duplex=False) for _ in range(2))
    process = multiprocessing.Process(target=run_server, args=(delay, sent_port, sent_first, reply), daemon=True)
    process.start()
    try:
        yield port.recv(), first
    finally:
        process.terminate()
        process.join()


async def repeat(request: bytes, times: int, concurrency: int, port: int) -> None:
    """The bare client."""
    left = times

    async def talk() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left > 0:
            left -= 1
            writer.write(request)
            await read_message(reader)
        writer.close()

    await asyncio.gather(*(talk() for _ in range(concurrency)))


def main() -> None:
    """Runs both and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--delay", type=float, default=0.5, help="seconds until the server answers")
    parser.add_argument("--repeats", type=int, default=10, help="times that each of the 200 samples is played")
    arguments = parser.parse_args()
    with server(arguments.delay, category) as (address, first), tempfile.TemporaryDirectory() as folder:
        build(QuickDrawBuilder(QuickDraw.locate(DRAWINGS)), Path(folder, "data"))
        benchmark = Benchmark.open(Path(folder, "data"))
        model = OpenAIModel("m", base_url=f"http://127.0.0.1:{address}/v1", concurrency=arguments.concurrency)
        start, start_cpu = time.perf_counter(), time.process_time()
        metrics = engine.evaluate(benchmark, [QD], model, Settings(repeats=arguments.repeats), Path(folder, "run"))
        middle, cpu = time.perf_counter(), time.process_time() - start_cpu
        requests = 200 * arguments.repeats
        assert metrics["scenarios"]["QD"]["n"] == requests, metrics
        begin = time.perf_counter()
        asyncio.run(repeat(first.recv(), requests, arguments.concurrency, address))
        end = time.perf_counter()
    rate, limit = requests / (middle - start), requests / (end - begin)
    line = {
        "benchmark": "evaluate_openai",
        "requests": requests,
        "concurrency": arguments.concurrency,
        "delay_seconds": arguments.delay,
        "requests_per_second": round(rate, 1),
        "limit_requests_per_second": round(limit, 1),
        "share_of_limit": round(rate / limit, 3),
        "processor_ms_per_request": round(1000 * cpu / requests, 2),
        "cores": os.cpu_count(),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
