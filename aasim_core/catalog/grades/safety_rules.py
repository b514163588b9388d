"""Rules about the safety of a plugin's code for the process, the network, and other organizations."""

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from .package import Package, dotted
from .rule import Flaw, Rule

_OUTSIDE = frozenset(("requests", "urllib.request", "smtplib", "ftplib", "telnetlib", "urllib3", "aiohttp"))
_UNPICKLING = frozenset(("pickle", "marshal", "shelve"))
_LOCAL_TIMES = frozenset(
    ("datetime.now", "datetime.utcnow", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.today")
)
_RUNS_TEXT = frozenset(("eval", "exec", "compile"))
_READS_ENVIRONMENT = frozenset(("os.getenv", "os.environ.get", "environ.get", "getenv"))


def _calling(names: Iterable[str], advice: str) -> Callable[[Package], Iterator[Flaw]]:
    """A check for calls of functions of these names, as they are written."""
    wanted = frozenset(names)

    def check(package: Package) -> Iterator[Flaw]:
        for file in package.code:
            for call, name in file.calls:
                if name in wanted:
                    yield Flaw(f"{advice} instead of calling {name}()", file.at(call))

    return check


def _importing(modules: Iterable[str], advice: str) -> Callable[[Package], Iterator[Flaw]]:
    """A check for imports of these modules, or of what is in them; not in files that send by the guarded sockets of the core."""
    wanted = tuple(modules)

    def check(package: Package) -> Iterator[Flaw]:
        for file in package.code:
            is_guarded = any(module.startswith("aasim_core.outbound") for _, module in file.imports)
            for node, module in file.imports if not is_guarded else ():
                if any(module == one or module.startswith(f"{one}.") for one in wanted):
                    yield Flaw(f"{advice} instead of importing {module}", file.at(node))

    return check


def _environment(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        reads = [call for call, name in file.calls if name in _READS_ENVIRONMENT]
        looks_up = [node for node in file.each(ast.Subscript) if dotted(node.value) == "os.environ"]
        for node in (*reads, *(each for each in looks_up if isinstance(each.ctx, ast.Load))):
            yield Flaw("read a setting with app.settings.section(…), declared in the hook config_schema", file.at(node))


def _globals(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for node in file.each(ast.Global):
            yield Flaw(f"keep {', '.join(node.names)} in app.stash, under a key of the type Kept", file.at(node))


def _swallowing(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for node in file.each(ast.ExceptHandler):
            kind = dotted(node.type) if node.type else "BaseException"
            if kind == "BaseException" and not _is_kept(node):
                yield Flaw("name the exceptions that you expect, or raise what you caught again", file.at(node))


def _is_kept(handler: ast.ExceptHandler) -> bool:
    """Whether the exception is raised again, or handed on by its name."""
    inside = [each for statement in handler.body for each in ast.walk(statement)]
    return any(isinstance(each, ast.Raise) or (isinstance(each, ast.Name) and each.id == handler.name) for each in inside)


def _raw_sql(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for call, name in file.calls:
            if name.endswith(".execute_sql"):
                yield Flaw(
                    "query records, which are kept to the organization in scope, instead of calling execute_sql()", file.at(call)
                )


def _printing(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for call, name in file.calls:
            if name == "print":
                yield Flaw("write with structlog, or in a command with click.echo, instead of calling print()", file.at(call))


def _unsafe_random(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for node in file.functions():
            if any(word in node.name for word in ("token", "secret", "password", "key")) and any(
                dotted(call.func).startswith("random.") for call in ast.walk(node) if isinstance(call, ast.Call)
            ):
                yield Flaw(f"make what {node.name}() returns with the module secrets", file.at(node))


SAFETY_RULES: Sequence[Rule[Package]] = (
    Rule(
        "no-print",
        "bronze",
        "Nothing calls `print`.",
        "What is printed goes past the log, with secrets that the log would mask.",
        _printing,
    ),
    Rule(
        "no-swallowed-errors",
        "bronze",
        "No bare `except`, and none for `BaseException`, drops what it catches.",
        "What goes wrong is seen by nobody, and a worker cannot be stopped.",
        _swallowing,
    ),
    Rule(
        "no-text-is-run",
        "bronze",
        "Nothing calls `eval`, `exec` or `compile`.",
        "Text of a user runs as code on the server.",
        _calling(_RUNS_TEXT, "let aasim_core.user_code evaluate expressions and templates"),
    ),
    Rule(
        "no-unpickling",
        "bronze",
        "Nothing imports `pickle`, `marshal` or `shelve`.",
        "Bytes from elsewhere run as code on the server.",
        _importing(_UNPICKLING, "keep JSON, by aasim_core.text.json,"),
    ),
    Rule(
        "no-shell",
        "silver",
        "Nothing calls `os.system` or `os.popen`.",
        "What a user writes can become a command of the server's shell.",
        _calling(("os.system", "os.popen"), "call subprocess.run with a list"),
    ),
    Rule(
        "guarded-network",
        "silver",
        "What sends goes through `aasim_core.outbound`, and not through another HTTP or mail client.",
        "A user makes the server ask addresses inside its own network.",
        _importing(_OUTSIDE, "send by aasim_core.outbound"),
    ),
    Rule(
        "no-raw-sql",
        "silver",
        "Only migrations call `execute_sql`.",
        "A query that forgets the organization shows the rows of another one.",
        _raw_sql,
    ),
    Rule(
        "settings-from-one-place",
        "silver",
        "Nothing reads environment variables; settings are declared in `config_schema`.",
        "A setting is neither checked, nor documented, nor in the template.",
        _environment,
    ),
    Rule(
        "strong-secrets",
        "silver",
        "What makes tokens, keys, secrets or passwords does not use `random`.",
        "A token can be guessed.",
        _unsafe_random,
    ),
    Rule(
        "time-in-utc",
        "silver",
        "Nothing asks for the time of the machine's zone; `aasim_core.clock.now()` tells it.",
        "Times are wrong where the server's clock has another zone, and tests cannot set them.",
        _calling(_LOCAL_TIMES, "take aasim_core.clock.now()"),
    ),
    Rule(
        "no-sleeping",
        "silver",
        "Nothing calls `time.sleep`.",
        "A thread that sleeps serves nobody, and the process is slow to stop.",
        _calling(("time.sleep",), "wait on a threading.Event, or let a job run later,"),
    ),
    Rule(
        "no-globals",
        "gold",
        "No function has a `global` statement.",
        "What is kept for one app is seen by another, and by the tests.",
        _globals,
    ),
)
