"""Mutants of the kernel, each with one small mistake, and whether the simulator or a playbook notices it: `bin/bench run kernel`."""

import ast
import copy
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aasim_plugins import executions

_PLUGIN = Path(str(executions.__file__)).parent
_HERE = Path(__file__).parent
#: Where decisions are made; the other modules only say what there is.
MODULES = ("decide", "slots", "state")
_PYTEST = ("-m", "pytest", "-q", "-x", "-n0", "-pno:cacheprovider")
_NO_PLAYBOOKS = ("test_mutants.py", "test_purity.py", "test_simulator.py")
#: A mutant that goes round in circles for so long, in seconds, is noticed.
_LONGEST = 120
_SIMULATE = """
from tests.executions.kernel.faults import kernel
from tests.executions.kernel.simulation.simulator import simulate
for seed in range(300):
    simulate(seed, kernel())
"""
_OTHER: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip
Change = Callable[[], object]


@dataclass(frozen=True)
class Mutant:
    """A module of the kernel with a mistake in a line."""

    module: str
    line: int
    mistake: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}.py, line {self.line}: {self.mistake}"


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of the module."""
    tree = ast.parse((_PLUGIN / "kernel" / f"{module}.py").read_text(encoding="utf-8"))
    for number in range(len(_places(tree))):
        broken = copy.deepcopy(tree)
        node, change = _places(broken)[number]
        before = ast.unparse(node)
        change()
        yield Mutant(module, getattr(node, "lineno", 0), f"{before}  →  {ast.unparse(node)}", ast.unparse(broken))


def _places(tree: ast.AST) -> list[tuple[ast.AST, Change]]:
    """What can be changed, and how; decorators decide nothing."""
    decorators = [node for each in ast.walk(tree) if isinstance(each, ast.ClassDef) for node in each.decorator_list]
    spared = {id(node) for decorator in decorators for node in ast.walk(decorator)}
    return [(node, change) for node in ast.walk(tree) if id(node) not in spared for change in _changes(node)]


def _changes(node: ast.AST) -> Iterator[Change]:
    """The ways in which a part of the source can be changed: an operator, a constant, a condition, or a value that is left out."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            yield lambda place=place, operator=operator: node.ops.__setitem__(place, _OTHER[type(operator)]())  # type: ignore[misc]
    elif isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in _OTHER:
        yield lambda: setattr(node, "op", _OTHER[type(node.op)]())
    elif isinstance(node, ast.Constant) and type(node.value) in (bool, int):
        yield lambda: setattr(node, "value", not node.value if isinstance(node.value, bool) else int(str(node.value)) + 1)
    elif isinstance(node, ast.If | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.BoolOp):
        yield lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_replace":
        for place in range(len(node.keywords)):
            yield lambda place=place: node.keywords.pop(place)  # type: ignore[misc]


def is_noticed(mutant: Mutant) -> bool:
    """Whether an invariant does not hold in the worlds of the simulator, or a playbook fails."""
    playbooks = [str(path) for path in sorted(_HERE.glob("test_*.py")) if path.name not in _NO_PLAYBOOKS]
    with TemporaryDirectory() as folder:
        _install(mutant, Path(folder))
        return _fails(folder, "-c", _SIMULATE) or _fails(folder, *_PYTEST, *playbooks)


def _install(mutant: Mutant, folder: Path) -> None:
    """Put the plugins where Python finds them first, with the mutant in the place of its module."""
    plugins, plugin, kernel = (folder / "aasim_plugins" / part for part in ("", "executions", "executions/kernel"))
    for made, like in ((plugins, _PLUGIN.parent), (plugin, _PLUGIN), (kernel, _PLUGIN / "kernel")):
        made.mkdir()
        for path in like.iterdir():
            if path.name not in ("executions", "kernel", "__pycache__"):
                (made / path.name).symlink_to(path)
    (kernel / f"{mutant.module}.py").unlink()
    (kernel / f"{mutant.module}.py").write_text(mutant.source, encoding="utf-8")


def _fails(folder: str, *command: str) -> bool:
    root = str(_HERE.parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((folder, root)), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, *command], env=environment, cwd=root, capture_output=True, check=False, timeout=_LONGEST
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0
