"""The kernel as the simulator takes it: as it is, or with a fault planted in one of its rules.

`faults.txt` has the faults: the module and a name, the text of the rule behind ``-``, and what it is by mistake behind ``+``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = "aasim_plugins.executions.kernel"


@dataclass(frozen=True)
class Kernel:
    """The functions that decide."""

    decide: Callable[..., Any]
    start: Callable[..., Any]
    ask: Callable[..., Any]
    release: Callable[..., Any]
    refresh: Callable[..., Any]
    next_due: Callable[..., Any]
    next_tick: Callable[..., Any]


@dataclass(frozen=True)
class Fault:
    """A rule of the kernel, and what it is by mistake."""

    name: str
    module: str
    rule: str
    mistake: str


def kernel(fault: Fault | None = None) -> Kernel:
    """The kernel, with the fault."""
    runs, slots, state = (_module(name, fault) for name in ("decide", "slots", "state"))
    return Kernel(runs.decide, runs.start, slots.ask, slots.release, slots.refresh, slots.next_due, state.next_due)


def _module(name: str, fault: Fault | None) -> Any:
    whole = import_module(f"{_PACKAGE}.{name}")
    if fault is None or fault.module != name:
        return whole
    source = Path(str(whole.__file__)).read_text(encoding="utf-8")
    assert source.count(fault.rule) == 1, (
        f"the rule of the fault {fault.name!r} stands {source.count(fault.rule)} times in {name}.py"
    )
    broken = ModuleType(whole.__name__)
    broken.__package__ = _PACKAGE
    exec(compile(source.replace(fault.rule, fault.mistake), f"{name}.py with a fault", "exec"), vars(broken))  # noqa: S102 - our source
    return broken


def _faults() -> Iterator[Fault]:
    text = Path(__file__).with_name("faults.txt").read_text(encoding="utf-8")
    for block in text.strip("\n").split("\n\n"):
        title, *lines = block.split("\n")
        module, _, name = title.partition(": ")
        rule, mistake = ("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
        yield Fault(name, module, rule, mistake)


FAULTS = tuple(_faults())
