"""The kernel of executions alone: how many lives of runs are simulated in an hour, and how many mistakes in it are noticed."""

import time

from ...executions.kernel.faults import kernel
from ...executions.kernel.mutants import MODULES, is_noticed, mutants
from ...executions.kernel.simulation.simulator import simulate
from ..reporting.findings import Goal, Measurement, found
from .rounds import Options

#: To see that everything runs, one of so many mutants is tried.
_QUICK = 100


def measure(options: Options) -> Measurement:
    """In processor time, since nothing waits; all invariants are checked after each change of a life."""
    options.progress("lives of runs in the simulator")
    lives, changes, seconds = _simulated(options.seconds * 10)
    tried = [mutant for module in MODULES for mutant in mutants(module)][:: _QUICK if options.quick else 1]
    survived = list[str]()
    for number, mutant in enumerate(tried, 1):
        options.progress(f"mutants of the kernel, {number} of {len(tried)}")
        survived += [] if is_noticed(mutant) else [str(mutant)]
    findings = [
        found("simulated lives of runs in an hour of one processor", lives / seconds * 3600 / 1e6, Goal("≥", 1, " million")),
        found("changes in a life", changes / lives),
        found(
            "small mistakes in it that are noticed", 100 * (1 - len(survived) / len(tried)), unit=" %", note=f"of {len(tried)}"
        ),
    ]
    return Measurement("kernel", "none", findings, raw={"survived": survived})


def _simulated(seconds: float) -> tuple[int, int, float]:
    """How many lives, with how many changes, took how many seconds."""
    lives, changes, begun = 0, 0, time.process_time()
    while (took := time.process_time() - begun) < seconds or not lives:
        changes += len(simulate(lives, kernel()).log)
        lives += 1
    return lives, changes, took
