"""What runs do in the simulator: a short program of steps and waits, which a worker goes through from its beginning in each turn."""

import random
from dataclasses import dataclass

from aasim_plugins.executions.kernel.state import Wait


@dataclass(frozen=True)
class Do:
    """A step with an effect, whose first attempts fail."""

    path: str
    is_repeatable: bool
    failures: int = 0


@dataclass(frozen=True)
class Gather:
    """Several waits at a time, all of which have to end."""

    waits: tuple[tuple[str, Wait], ...]


Instruction = Do | Gather
Program = tuple[Instruction, ...]


def program(chance: random.Random, depth: int) -> Program:
    """A program; children start no children."""
    return tuple(_instruction(chance, f"s{place}", depth) for place in range(chance.randint(1, 4 - depth)))


def _instruction(chance: random.Random, path: str, depth: int) -> Instruction:
    if chance.random() < 0.5:
        return Do(path, is_repeatable=chance.random() < 0.5, failures=chance.choice((0, 0, 0, 1)))
    return Gather(tuple((f"{path}[{item}]", _wait(chance, depth)) for item in range(chance.randint(1, 3))))


def _wait(chance: random.Random, depth: int) -> Wait:
    deadline, fails_run = chance.choice((None, None, 145)), chance.random() < 0.2
    correlation = f"q{chance.randrange(10**9)}"
    kinds = ("approval", "timer", "signal", "event", "input", "missing", *(("child", "child") if depth == 0 else ()))
    kind = chance.choice(kinds)
    if kind == "timer":
        return Wait("timer", deadline=chance.choice((0, 110, 130)))
    if kind in ("signal", "event"):
        return Wait(kind, "go", chance.choice((0, 0, 120)), deadline, fails_run)  # type: ignore[arg-type]
    return Wait(kind, f"c{correlation}" if kind == "child" else correlation, 0, deadline, fails_run)  # type: ignore[arg-type]
