"""The Model Context Protocol's own conformance tests, with a real API and a real worker."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from ...bench.processes import free_port
from ...npm_packages import installed
from ..client import API
from ..conftest import Install
from .bearer_proxy import bearer_proxy

_HERE = Path(__file__).parent / "conformance"
_RESULT = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT.+")


@pytest.fixture(scope="session")
def conformance() -> list[str]:
    """The command that runs the tests, which npm installs."""
    modules = installed(_HERE)
    return [str(modules / ".bin" / "node"), str(modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js")]


def _expected_failures(revision: str) -> set[str]:
    """The checks that fail, as ``scenario check``, under the reasons why, which begin with #. The list only shrinks."""
    lines = (_HERE / f"expected_failures_{revision}.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def _failures(results: Path) -> set[str]:
    """The checks that failed."""
    found = set()
    for checks in results.glob("*/checks.json"):
        scenario = _RESULT.fullmatch(checks.parent.name)
        assert scenario is not None, checks
        found |= {f"{scenario[1]} {check['id']}" for check in json.loads(checks.read_bytes()) if check["status"] == "FAILURE"}
    return found


@pytest.mark.parametrize(("revision", "scenarios"), [("2026-07-28", 50), ("2025-11-25", 33)])
def test_the_server_keeps_each_revision(
    install: Install, conformance: list[str], tmp_path: Path, revision: str, scenarios: int
) -> None:
    port = free_port()
    installation = install(AASIM_HTTP__CORS_ORIGINS=json.dumps([f"http://{host}:{port}" for host in ("localhost", "127.0.0.1")]))
    installation.start("worker")
    installation.serve()
    ada = installation.visitor.register()
    ada.agent("The sea is blue.", slug="sea-colour")
    results = tmp_path / "results"
    with bearer_proxy(ada.port, f"{API}/mcp-server", str(ada.token), at=port) as url:
        command = [*conformance, "server", "--url", url, "--requirements", revision, "--output-dir", str(results)]
        subprocess.run(command, check=False, capture_output=True, timeout=600)

    assert len(list(results.glob("*/checks.json"))) == scenarios
    assert _failures(results) == _expected_failures(revision)
