"""How soon a process answers, how much memory it holds after work, and how many statements a request takes."""

import subprocess
import time
from statistics import median
from typing import Any

from .. import processes
from ..contestants.aasim import COMMAND, Aasim
from ..databases import Database, fresh
from ..load import executions, web
from ..reporting.findings import Finding, Goal, Measurement, found
from .rounds import Options

_MEMORY = Goal("≤", 120, " MB")


def start(options: Options) -> Measurement:
    """From the command to the first answer, with every bundled plugin on; and the help of the command."""
    with fresh("sqlite", "start") as database:
        aasim = Aasim(rows=0)
        options.progress("starting the API and asking for help")
        aasim.prepare(database)
        serving = [_seconds_to_serve(aasim, database) for _ in range(options.rounds)]
        helping = [_seconds_to_help() for _ in range(options.rounds)]
    findings = [
        found("`aasim serve` until its first answer", float(median(serving)), Goal("≤", 1, " s")),
        found("`aasim --help`", float(median(helping)), Goal("≤", 0.3, " s")),
    ]
    return Measurement("start", "sqlite", findings, raw={"serve": serving, "help": helping})


def _seconds_to_serve(aasim: Aasim, database: Database) -> float:
    port = processes.free_port()
    settings = {**aasim.settings_for(database), "AASIM_BIND": f"127.0.0.1:{port}"}
    begun = time.perf_counter()
    process = processes.spawn([COMMAND, "serve"], settings, database.folder / "start.log")
    try:
        processes.eventually(lambda: processes.answers(port, "/api/v1/health/live"), "the first answer", pause=0.005)
        return time.perf_counter() - begun
    finally:
        processes.kill(process)


def _seconds_to_help() -> float:
    begun = time.perf_counter()
    subprocess.run([COMMAND, "--help"], env=processes.environment({}), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def memory(kind: str, options: Options) -> Measurement:
    """The largest API process and the worker, after lists, reads, creations and executions."""
    aasim = Aasim(queue="redis" if kind == "postgresql" else "sqlite", worker=True, rows=1000)
    findings: list[Finding] = []
    with fresh(kind, "memory") as database:
        options.progress(f"{kind}: memory after work")
        aasim.prepare(database)
        with aasim.serving(database) as service:
            agent = executions.an_agent(service, database)
            first = _after_work(service, database, agent, options, 1)
            second = _after_work(service, database, agent, options, 2)
    findings = [found(f"{name} after work", second[name], _MEMORY) for name in second]
    findings += [found(f"{name}, growth by as much work again", second[name] - first[name], unit=" MB") for name in second]
    return Measurement("memory", kind, findings, raw=[first, second])


def _after_work(service: Any, database: Database, agent: str, options: Options, turn: int) -> dict[str, float]:
    numbers = iter(range(turn * 100, turn * 100 + 50))
    for job in web.JOBS:
        web.measured(service, job, seconds=options.seconds, warm_up=0, numbers=numbers)
    executions.measured(service, database, agent_id=agent, seconds=options.seconds, idle=0)
    server, worker = service.processes
    return {
        "API process": max(processes.memory(pid) for pid in processes.children(server.pid)) / 1000,
        "worker": processes.memory(worker.pid) / 1000,
    }
