"""A service in a process of its own that writes down each POST before it answers: `python -m tests.faults.receiver PORT FILE`.

A line of the file is the Idempotency-Key and the `note` of the body. It takes a moment to answer, in which the caller may die. A GET of
/RUN/COUNT is answered when so many have come with a key of that run.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition
from urllib.request import Request, urlopen

from ..bench import processes
from ..bench.contestants.handmade import ROOT

_SECONDS = 0.01
_CAME, _COMING = Counter[str](), Condition()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Write it down."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = str(self.headers["Idempotency-Key"])
        os.write(_LOG, f"{key} {body['note']}\n".encode())
        with _COMING:
            _CAME[key.partition(":")[0]] += 1
            _COMING.notify_all()
        time.sleep(_SECONDS)
        self._answer()

    def do_GET(self) -> None:
        """Answer when they have come."""
        run, _, count = self.path.removeprefix("/").partition("/")
        with _COMING:
            _COMING.wait_for(lambda: _CAME[run] >= int(count or 0))
        self._answer()

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Receiver:
    """The service: where it is, and what it has written down."""

    url: str
    file: Path

    def entries(self) -> list[tuple[str, str]]:
        """The key and the note of each request, as they came."""
        text = self.file.read_text() if self.file.exists() else ""
        return [(key, note) for key, _, note in (line.partition(" ") for line in text.splitlines())]

    def post(self, note: str, key: str) -> None:
        """Have it write something down."""
        body, headers = json.dumps({"note": note}).encode(), {"Idempotency-Key": key.replace(" ", "-")}
        urlopen(Request(self.url, body, headers)).close()

    def wait_for(self, run: str, count: int) -> None:
        """Return when so many requests have come with a key of the run."""
        urlopen(f"{self.url}{run}/{count}", timeout=120).close()

    def notes_of(self, run: str) -> Counter[str]:
        """With how many keys each note of a run came; a note begins with the run's id."""
        return Counter(note.removeprefix(f"{run} ") for _, note in set(self.entries()) if note.startswith(f"{run} "))

    def repeated(self) -> Counter[str]:
        """How often notes came once more with the same key."""
        return Counter({note: count - 1 for (_, note), count in Counter(self.entries()).items() if count > 1})


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """The service, as long as the body runs."""
    port, file = processes.free_port(), folder / "received.txt"
    command = [sys.executable, "-m", "tests.faults.receiver", str(port), str(file)]
    with processes.running([command], {"PYTHONPATH": str(ROOT)}, folder / "receiver.log", lambda: processes.answers(port)):
        yield Receiver(f"http://127.0.0.1:{port}/", file)


if __name__ == "__main__":
    _LOG = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    ThreadingHTTPServer.request_queue_size = 128  # or else what a dead caller has sent may come seconds later
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
