"""`bin/bench`: measures Aasim beside the floor and its peers, and keeps what it found."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from secrets import randbelow
from typing import Literal

import click
from rich.console import Console

from aasim_core.testing.databases import has_server

from . import databases
from .contestants.handmade import PEER_ENVIRONMENT, ROOT
from .counted.command import analytics
from .graphs import measuring as graphs
from .measurements import conditions, cost, flows, footprint, growth, kernel, lists, queries, rounds, scored
from .measurements.rounds import Options
from .reporting import report
from .reporting.findings import Measurement, keep, missed
from .scale.command import scale
from .webhooks import measuring

WEB = ("J1", "J1t", "J2", "J3")
GRAPHS = tuple(graphs.JOBS)
ALONE = ("rubrics", "growth", "conditions", "lists", "start", "memory", "queries", "cost", "kernel")
WHAT = (*WEB, "J4", *GRAPHS, "J7", "J8", *ALONE)
Kind = Literal["sqlite", "postgresql"]
_OF_AASIM: Mapping[str, Callable[[str, Options], Measurement]] = {
    "J7": measuring.measure,
    "J8": flows.measure,
    "conditions": conditions.measure,
    "growth": growth.measure,
    "lists": lists.measure,
    "memory": footprint.memory,
    "queries": queries.measure,
    "rubrics": scored.measure,
}


class _MeasuringByDefault(click.Group):
    """A group whose command is `run` unless another one is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["run", *args])


@click.group(cls=_MeasuringByDefault)
def main() -> None:
    """Measure Aasim (`bin/bench J1 J4 …`, everything by default), or try its promises for long (`bin/bench faults`)."""


@main.command()
@click.argument("what", nargs=-1, type=click.Choice(WHAT))
@click.option("--rounds", "count", default=5, show_default=True, help="How often each contestant takes its turn.")
@click.option("--quick", is_flag=True, help="One short round, to see whether everything runs; nothing is kept.")
@click.option(
    "--database", "kinds", multiple=True, type=click.Choice(["sqlite", "postgresql"]), help="Where to measure; both by default."
)
@click.option("--only", multiple=True, help="Contestants to take, by name (floor, aasim, flask, …); all by default.")
def run(what: Sequence[str], count: int, quick: bool, kinds: Sequence[Kind], only: Sequence[str]) -> None:
    """Measure WHAT, print the findings, and write docs/benchmarks.md from the last figures of each."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    options = Options(rounds=count, only=only)
    if quick:
        options = replace(options, rounds=1, seconds=1, idle=1, quick=True)
    what, kinds = what or WHAT, kinds or ("sqlite", "postgresql")
    if "postgresql" in kinds and not has_server():
        raise click.ClickException(f"PostgreSQL does not answer at {databases.SERVER}; start it, or say --database sqlite.")
    if set(what) & {*WEB, "J4", *GRAPHS} and not only:
        _install_peers(console)
    load = os.getloadavg()[0]
    measurements = _measured(what, kinds, options, console)
    report.show(measurements, console)
    if not quick and not only:
        _keep(measurements, load)
    for sentence in missed(measurements):
        console.print(f"[bold red]missed:[/] {sentence}")
    sys.exit(1 if missed(measurements) and not quick else 0)


@main.command()
@click.option("--points", default=3000, show_default=True, help="Writes at which a worker is killed.")
@click.option("--kills", default=400, show_default=True, help="Processes that are killed at random under load.")
@click.option("--restarts", default=50, show_default=True, help="Rolling restarts under load.")
@click.option("--seed", type=int, help="What the kills at random depend on; another one each time by default.")
@click.argument("pytest_arguments", nargs=-1)
def faults(points: int, kills: int, restarts: int, seed: int | None, pytest_arguments: Sequence[str]) -> None:
    """Try for long what tests/faults tries in short: kills at chosen writes and at random, drains, full disks, lost servers."""
    often = {"FAULTS_POINTS": points, "FAULTS_API_POINTS": points // 3, "FAULTS_KILLS": kills, "FAULTS_RESTARTS": restarts}
    often["FAULTS_WAITS"] = points // 3
    often["FAULTS_TOOL_POINTS"] = often["FAULTS_WEBHOOKS"] = often["FAULTS_FLOWS"] = points // 10
    often["FAULTS_GRAPHS"], often["FAULTS_CANCELS"] = points // 30, points * 10 // 3
    often["FAULTS_REPLAYED"] = points * 100 // 3
    often["FAULTS_SEED"] = randbelow(1_000_000) if seed is None else seed
    _try_for_long(["-m", "faults", "tests/faults", *pytest_arguments], often)


@main.command()
@click.option("--seeds", default=10_000, show_default=True, help="Lives of runs, on each database.")
@click.argument("pytest_arguments", nargs=-1)
def simulate(seeds: int, pytest_arguments: Sequence[str]) -> None:
    """Play lives of runs in the model and in rows, and compare both after each change."""
    tried = ["tests/executions/shell/test_simulated_rows.py", "-k", "for_a_while", "--timeout=0"]
    _try_for_long(["-m", "long", *tried, *pytest_arguments], {"SIMULATED_SEEDS": seeds})


@main.command()
@click.option("--count", default=10_000, show_default=True, help="Purchases, and as many upgrades and refunds.")
@click.option("--kills", default=20, show_default=True, help="How often the process is killed in each of the three.")
@click.argument("pytest_arguments", nargs=-1)
def trades(count: int, kills: int, pytest_arguments: Sequence[str]) -> None:
    """Buy, upgrade and give back agents for long, fifty at a time, in processes that are killed, and add up the ledger."""
    often = {"MARKETPLACE_TRADES": count, "MARKETPLACE_KILLS": kills}
    _try_for_long(["-m", "long", "tests/marketplace/trading/test_trades.py", "--timeout=0", *pytest_arguments], often)


@main.command()
@click.option("--runs", default=10_000, show_default=True, help="Runs of the day.")
@click.option("--points", default=20, show_default=True, help="Writes at which the rollup is killed.")
@click.argument("pytest_arguments", nargs=-1)
def day(runs: int, points: int, pytest_arguments: Sequence[str]) -> None:
    """Live through a day in which everything happens, kill the rollup at its writes, and compare all who count the day."""
    often = {"DAY_RUNS": runs, "ANALYTICS_POINTS": points}
    tried = ["tests/analytics/test_day.py", "tests/analytics/test_killed.py"]
    _try_for_long(["-m", "long", *tried, "--timeout=0", *pytest_arguments], often)


def _try_for_long(pytest_arguments: Sequence[str], often: Mapping[str, int]) -> None:
    """Run these tests, with how often each thing is to be done, and end as they do."""
    environment = {**os.environ, **{name: str(value) for name, value in often.items()}}
    done = subprocess.run([sys.executable, "-m", "pytest", *pytest_arguments], env=environment, cwd=ROOT, check=False)
    sys.exit(done.returncode)


main.add_command(scale)
main.add_command(analytics)


def _keep(measurements: Sequence[Measurement], load: float) -> None:
    command = "bin/bench " + " ".join(sys.argv[1:])
    report.write(keep([replace(measurement, command=command.strip(), load=load) for measurement in measurements]))


def _measured(what: Sequence[str], kinds: Sequence[Kind], options: Options, console: Console) -> list[Measurement]:
    found: list[Measurement] = []
    with console.status("") as status:
        options = replace(options, progress=_progress(console, status.update))
        for kind in kinds:
            if jobs := [job for job in WEB if job in what]:
                found += rounds.web_jobs(jobs, kind, options)
            if "J4" in what:
                found += rounds.queue_job(kind, options)
            if jobs := [job for job in GRAPHS if job in what]:
                found += graphs.measure(jobs, kind, options)
            found += [measure(kind, options) for name, measure in _OF_AASIM.items() if name in what]
        if "cost" in what and "postgresql" in kinds:
            found.append(cost.measure(options))
        if "kernel" in what:
            found.append(kernel.measure(options))
        if "start" in what:
            found.append(footprint.start(options))
    return found


def _progress(console: Console, update: Callable[[str], None]) -> Callable[[str], None]:
    return update if console.is_terminal else lambda text: print(text, flush=True)


def _install_peers(console: Console) -> None:
    wanted = ROOT / "tests" / "bench" / "contestants" / "peers.txt"
    stamp = PEER_ENVIRONMENT / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return
    console.print(f"Installing the peers into {PEER_ENVIRONMENT.relative_to(ROOT)}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEER_ENVIRONMENT)], check=True)
    pip = [str(PEER_ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(wanted)], check=True)
    stamp.write_text(wanted.read_text())


if __name__ == "__main__":
    main()
