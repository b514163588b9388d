"""A reverse proxy that adds a credential to each request, for clients that cannot send one."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Clients may leave before they are answered; one that stays finds its connection closed."""


@contextmanager
def bearer_proxy(port: int, path: str, token: str, *, at: int) -> Iterator[str]:
    """The URL of a proxy on the port `at` in front of `path` on this machine's `port`, for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                upstream.request(self.command, path, body or None, {**headers, "Authorization": f"Bearer {token}"})
                self._answer(upstream.getresponse())
            finally:
                upstream.close()

        def _answer(self, response: http.client.HTTPResponse) -> None:
            body = response.read()
            self.send_response_only(response.status)
            for name, value in response.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

        do_GET = do_POST = do_DELETE = do_OPTIONS = forward  # noqa: N815 - the names that http.server calls

    with _Server(("127.0.0.1", at), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{at}/mcp"
        finally:
            server.shutdown()
