"""The engine host: a separate process that holds the model and serves the OpenAI protocol on loopback.

Started by `supervise`, with its options as JSON in the one argument. It answers on standard output that it is ready, or why not.
It ends by itself when no process of the installation is left that uses it.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from .locks import EXCLUSIVE, lock, opened

CLIENTS, HOST, ENDPOINT = "clients.lock", "host.lock", "endpoint.json"


def main() -> None:
    """Serve until no client is left."""
    options = json.loads(sys.argv[1])
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever the library prints belongs into the log
    folder, key = Path(options["folder"]), secrets.token_urlsafe(32)
    lock(opened(folder / HOST), EXCLUSIVE)  # never closed: held as long as this process lives
    try:
        server = _serve(options, key)
    except Exception as error:  # noqa: BLE001 - any error of the library is reported to the parent
        os.write(answer, json.dumps({"error": str(error) or type(error).__name__}).encode())
        os._exit(1)
    _publish(folder / ENDPOINT, {"url": f"{server.listening_address}/v1", "key": key, "pid": os.getpid()})
    os.write(answer, b"{}")
    os.close(answer)
    # Every client holds this lock shared; to get it exclusively is to be alone.
    lock(opened(folder / CLIENTS), EXCLUSIVE)
    (folder / ENDPOINT).unlink(missing_ok=True)
    os._exit(0)


def _serve(options: dict[str, Any], key: str) -> Any:
    # Spinning threads drop the model from 70 to 3 tokens a second on two busy cores. Read by the library as it loads.
    os.environ.update(OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="0")
    import xllamacpp  # type: ignore[import-untyped]

    params = xllamacpp.CommonParams()
    params.model.path = options["model_path"]
    params.model_alias = {options["model_name"]}
    params.hostnames, params.port = ["127.0.0.1"], 0
    # Without these the library's listener serves a web page, the texts of others' calls, and anybody on the machine.
    params.api_keys, params.cors_origins, params.ui, params.endpoint_slots = [key], "", False, False
    params.n_ctx, params.n_batch, params.n_parallel = options["context_tokens"], 512, 1
    params.cache_ram_mib = 0
    params.cpuparams.n_threads, params.cpuparams_batch.n_threads = options["threads"], options["batch_threads"]
    params.sleep_idle_seconds = options["sleep_idle_seconds"]
    return xllamacpp.Server(params)


def _publish(path: Path, endpoint: dict[str, Any]) -> None:
    """Write the file whole and for the owner alone."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w") as file:
        json.dump(endpoint, file)
    temporary.replace(path)


if __name__ == "__main__":
    main()
