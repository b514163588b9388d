"""Keys are rotated while API and worker run, and no process starts without a key that is needed."""

import json
from pathlib import Path

from ...bench import processes
from ..conftest import Install
from ..refusals import CONFIGURATION, refused


def ids_in(path: Path) -> list[str]:
    """The ids of the keys in the file, the newest first."""
    return [key["id"] for key in json.loads(path.read_text())["keys"]]


def test_keys_are_rotated_while_everything_runs_and_no_process_starts_without_the_new_one(install: Install) -> None:
    installation = install()
    worker, server = installation.start("worker"), installation.serve()
    worker.says("the worker is ready")
    ada, key = installation.visitor.register(), installation.secrets.new("sk-")
    body = {
        "name": "E",
        "provider": "openai_compatible",
        "model": "m",
        "base_url": "https://models.example.com/v1",
        "api_key": key,
    }
    assert ada.post("/engines", body).status == 201
    path = installation.data / "secrets.json"
    before = path.read_text()
    assert installation.run("secrets", "rotate").returncode == 0
    new, old = ids_in(path)

    def sealing_keys() -> list[str]:
        return [row[0].split(".")[1] for row in installation.rows("SELECT api_key FROM engines_engine WHERE api_key IS NOT NULL")]

    assert sealing_keys() == [old]
    processes.eventually(lambda: sealing_keys() == [new], "a worker seals the engine's key anew")
    assert ada.get("/auth/me").status == 200
    assert (server.stop(), worker.stop()) == (0, 0)
    path.write_text(before)
    for command in ("serve", "worker"):
        said = refused(installation, command, code=CONFIGURATION)
        assert said.startswith(f"the key {new} is not in the key file {path}, and ")
        assert "engines_engine.api_key 1" in said
        assert said.endswith(f"; put it back, or continue without it: aasim secrets forget {new}")
