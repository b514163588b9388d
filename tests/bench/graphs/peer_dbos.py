"""J5 to J6 with DBOS, in the process that asks, without HTTP: `python -m tests.bench.graphs.peer_dbos URL JOB`, a plan on standard input.

A plan is a JSON list of [runs, runs a second]; a pace of 0 has as many as sixteen go on at the same time, and one run is alone. What
came of each is printed as {"rate", "p50", "p95"}. Every tool is a step, as the page of DBOS on parallel steps has it.
"""

import asyncio
import json
import sys
import time
from typing import Any

from dbos import DBOS  # type: ignore[import-not-found,unused-ignore]

_AT_ONCE = 16


@DBOS.step()  # type: ignore[untyped-decorator,unused-ignore]
async def pull(text: str) -> str:
    """The tool."""
    return text


@DBOS.workflow()  # type: ignore[untyped-decorator,unused-ignore]
async def fork() -> str:
    """J5."""
    outputs = await asyncio.gather(*(pull("Hello") for _ in range(4)))
    return outputs[1] if outputs[0] == "Hello" else ""


@DBOS.workflow()  # type: ignore[untyped-decorator,unused-ignore]
async def chain(length: int) -> None:
    """J5b and J5c."""
    for _ in range(length):
        await pull("Hello")


@DBOS.workflow()  # type: ignore[untyped-decorator,unused-ignore]
async def each(items: int) -> None:
    """J6: in batches, since steps are numbered as they begin."""
    for first in range(0, items, _AT_ONCE):
        await asyncio.gather(*(pull("Hello") for _ in range(first, min(items, first + _AT_ONCE))))


RUNS = {"J5": fork, "J5b": lambda: chain(400), "J5c": lambda: chain(3), "J6": lambda: each(1_000)}


async def measured(job: str, count: int, pace: float) -> dict[str, float]:
    """Start so many runs, and wait for them."""
    gate, took, started = asyncio.Semaphore(_AT_ONCE if not pace else count), list[float](), time.perf_counter()

    async def one(number: int) -> None:
        if pace:
            await asyncio.sleep(max(0, started + number / pace - time.perf_counter()))
        async with gate:
            begun = time.perf_counter()
            await RUNS[job]()
            took.append(1000 * (time.perf_counter() - begun))

    await asyncio.gather(*(one(number) for number in range(count)))
    took.sort()
    rate = count / (time.perf_counter() - started)
    return {"rate": rate, "p50": took[len(took) // 2], "p95": took[min(len(took) - 1, int(0.95 * len(took)))]}


async def main(job: str, plan: list[Any]) -> None:
    """Carry out the plan, after a first run."""
    await RUNS["J5c"]()
    print(json.dumps([await measured(job, *part) for part in plan]))


if __name__ == "__main__":
    config = {"name": "bench", "system_database_url": sys.argv[1], "run_admin_server": False, "log_level": "ERROR"}
    DBOS(config=config)
    DBOS.launch()
    asyncio.run(main(sys.argv[2], json.load(sys.stdin)))
    DBOS.destroy()
