"""The shipped configuration of nginx before two API servers: they are restarted in turn, and reads never fail."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ...bench.processes import answers, eventually, free_port, kill
from ..deployment import Deployment
from ..workload import Client, prepare
from .test_drain import Instance, Traffic

pytestmark = [pytest.mark.long, pytest.mark.faults]


def test_restarts_one_after_the_other_fail_no_read_behind_the_shipped_nginx(on_sqlite: Deployment, root: Path) -> None:
    on_sqlite.start("serve")
    client, history = prepare(on_sqlite.port)
    instances = [Instance(on_sqlite, "serve", on_sqlite.port), Instance(on_sqlite, "second", free_port())]
    instances[1].start()
    with proxied(root, on_sqlite.database.folder, [instance.port for instance in instances]) as port:
        front = [Instance(on_sqlite, "nginx", port)]
        with Traffic(Client(port, client.token), history, front, rate=50, tries=1, only_reads=True) as traffic:
            for _ in range(2):
                for instance in instances:
                    instance.restart()
    assert traffic.failures == []
    assert traffic.count > 100


@contextmanager
def proxied(root: Path, folder: Path, ports: list[int]) -> Iterator[int]:
    """The port of an nginx with the shipped configuration, without TLS, before the servers on `ports`."""
    program = shutil.which("nginx")
    assert program, "nginx is not installed (Debian: apt install nginx)"
    port, shipped = free_port(), (root / "config" / "nginx.conf").read_text()
    for written, wanted in {
        "server 127.0.0.1:8000 ": f"server 127.0.0.1:{ports[0]} ",
        "# server 10.0.0.2:8000 ": f"server 127.0.0.1:{ports[1]} ",
        "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
    }.items():
        assert shipped.count(written) == 1, written
        shipped = shipped.replace(written, wanted)
    body = "\n".join(line for line in shipped.splitlines() if not line.strip().startswith("ssl_"))
    file = folder / "nginx.conf"
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file.write_text(f"daemon off; pid {folder}/nginx.pid; events {{}}\nhttp {{ access_log off; {paths}\n{body}\n}}\n")
    command = [program, "-c", str(file), "-e", str(folder / "nginx-error.log"), "-p", str(folder)]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        eventually(lambda: answers(port, "/api/v1/health/live"), "the start of nginx")
        yield port
    finally:
        kill(process)
