"""What never becomes a request for the app is answered with the envelope too."""

import json
import socket

import pytest

from ..installation import Installation


def answer_to(running: Installation, sent: bytes) -> tuple[int, dict[str, str], dict[str, object]]:
    """Status, headers and body of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=60) as client:
        client.sendall(sent)
        received = b"".join(iter(lambda: client.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    line, *fields = head.decode("ascii").split("\r\n")
    headers = dict(field.lower().split(": ", 1) for field in fields)
    return int(line.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /api/v1/branches?q=%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 4_500), 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: %s\r\n\r\n" % (b"a" * 9_000), 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n", 400, "bad_request"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
    ],
)
def test_what_cannot_be_read_gets_the_envelope(running: Installation, sent: bytes, status: int, code: str) -> None:
    answered, headers, body = answer_to(running, sent)
    assert (answered, headers["content-type"], body["success"]) == (status, "application/json", False)
    assert [problem["code"] for problem in body["errors"]["_"]] == [code]
    assert headers["x-request-id"]
