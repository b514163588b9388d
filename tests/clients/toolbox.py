"""The tools that make and check clients, in the versions of this folder's locks, installed by whichever test asks first."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_LOCKS = ("requirements.lock", "package.json", "package-lock.json", ".npmrc")


@dataclass(frozen=True)
class Toolbox:
    """Where the tools are."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter that has the Python generator and its client's libraries."""
        return self.folder / "python" / "bin" / "python"

    def run(
        self, name: str, *arguments: str | Path, cwd: Path, seconds: float = 900, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a tool of npm or of the Python environment to its end; what it says is on its standard output.

        `more` is added to its environment.
        """
        node, python = self.folder / "node_modules" / ".bin" / name, self.python.with_name(name)
        program = node if node.exists() else python
        return subprocess.run(
            [program, *arguments], cwd=cwd, env={**environment(), **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, timeout=seconds, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def environment() -> dict[str, str]:
    """That of the tools: Redocly and openapi-python-client must not report to anybody."""
    return {**os.environ, "REDOCLY_TELEMETRY": "off", "NO_COLOR": "1", "CI": "true"}


def installed() -> Toolbox:
    """The tools; AssertionError with what the installer said if they cannot be installed."""
    folder = Path(sys.prefix) / "clients"
    folder.mkdir(exist_ok=True)
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _LOCKS)).hexdigest()
    with alone(folder):
        stamp = folder / "installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            _install(folder)
            stamp.write_text(wanted)
    return Toolbox(folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let only one test process at a time, of whatever run, be in here with this folder."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(folder: Path) -> None:
    assert shutil.which("npm"), "the checks of clients need Node.js with npm (Debian: apt install nodejs npm)"
    for name in _LOCKS:
        shutil.copy(HERE / name, folder / name)
    python = folder / "python"
    _do(sys.executable, "-m", "venv", "--clear", str(python), cwd=folder)
    _do(
        str(python / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        "requirements.lock",
        cwd=folder,
    )
    _do("npm", "ci", cwd=folder)


def _do(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
