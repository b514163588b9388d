"""Whoever cannot see the site well, or has no mouse, can read it: two checkers find nothing on any page, in a real Chromium."""

import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ...npm_packages import installed

pytestmark = pytest.mark.long


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing about its requests."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _is_like_others(page: Path) -> bool:
    """Of the reference of Python names, whose pages are long and have one form, a single page is read."""
    return page.parts[-3:-1] != ("python", "logs") and "python" in page.parts[-3:-2]


def test_no_page_keeps_anybody_out(site: Path, address: str) -> None:
    assert Path("/usr/bin/chromium").exists(), "the pages are checked in Chromium (Debian: apt install chromium)"
    here = Path(__file__).parent
    pages = [str(path.relative_to(site)) for path in sorted(site.rglob("*.html")) if not _is_like_others(path)]
    command = ["node", here / "check.mjs", installed(here), address, *pages]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=800)
    assert (checked.returncode, checked.stderr, checked.stdout) == (0, "", "")
