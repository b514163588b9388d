"""The document, the tools, the clients that are made of it, and a running server to try them on."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..processes.client import Client
from ..processes.conftest import NO_MODEL
from ..processes.installation import Installation, aasim
from .toolbox import HERE, Toolbox, environment, installed


@pytest.fixture(scope="session")
def tools() -> Toolbox:
    """What makes and checks clients."""
    return installed()


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, tools: Toolbox) -> Path:
    """A folder with the document, as ``aasim openapi`` writes it, and the settings of the tools."""
    folder = tmp_path_factory.mktemp("clients")
    settings = {name: value for name, value in os.environ.items() if not name.startswith("AASIM_")}
    subprocess.run(
        aasim("openapi", "--output", str(folder / "openapi.json")),
        env={**settings, "AASIM_DATA_DIR": str(folder)},
        check=True,
        cwd=folder,
    )
    for path in (*HERE.glob("*.yaml"), *HERE.glob("*.json"), *HERE.glob("*.ts"), *HERE.glob("*.py"), *HERE.glob("*.toml")):
        shutil.copy(path, folder)
    (folder / "node_modules").symlink_to(tools.folder / "node_modules")
    return folder


@pytest.fixture(scope="session")
def document(workshop: Path) -> Any:
    """The document."""
    return json.loads((workshop / "openapi.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def python_client(workshop: Path, tools: Toolbox) -> Path:
    """The package that openapi-python-client makes; AssertionError for what it cannot make."""
    arguments = ("generate", "--path", "openapi.json", "--config", "generator.yaml", "--output-path", "generated")
    made = tools.run("openapi-python-client", *arguments, cwd=workshop)
    assert made.returncode == 0 and "Warning" not in made.stdout and "unsupported" not in made.stdout, made.stdout
    return workshop / "generated" / "aasim_client"


@pytest.fixture(scope="session")
def typescript_client(workshop: Path, tools: Toolbox) -> Path:
    """The types that openapi-typescript makes."""
    made = tools.run("openapi-typescript", "openapi.json", "-o", "aasim.d.ts", cwd=workshop)
    assert made.returncode == 0, made.stdout
    return workshop / "aasim.d.ts"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose API runs, without limits on requests."""
    with served(tmp_path_factory.mktemp("server")) as installation:
        yield installation


@contextmanager
def served(folder: Path) -> Iterator[Installation]:
    """An installation in the folder whose API runs, without limits on requests; in the end its logs are looked through."""
    folder.mkdir(exist_ok=True)
    installation = Installation(folder, {**NO_MODEL, "AASIM_RATE_LIMITS__ENABLED": "false"})
    done = installation.run("migrate")
    assert done.returncode == 0, done.stderr
    installation.serve()
    try:
        yield installation
    finally:
        installation.close()


@pytest.fixture(scope="session")
def owner(server: Installation) -> Client:
    """The owner of an organization."""
    return server.visitor.register()


def run_python(tools: Toolbox, workshop: Path, script: str, told: Any) -> Any:
    """What the script, which is given `told` as JSON, answers; it runs with the generated client at hand."""
    return _answer([str(tools.python), script], told, {**environment(), "PYTHONPATH": str(workshop / "generated")}, workshop)


def run_node(workshop: Path, script: str, told: Any) -> Any:
    """The same for a compiled script of Node.js."""
    return _answer(["node", script], told, environment(), workshop)


def _answer(command: list[str], told: Any, variables: dict[str, str], cwd: Path) -> Any:
    done = subprocess.run(
        command, input=json.dumps(told), env=variables, cwd=cwd, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return json.loads(done.stdout)
