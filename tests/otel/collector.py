"""A collector of OTLP over HTTP, as a process of its own: it reads what comes with OpenTelemetry's own package, and says it again as JSON.

``GET /`` answers ``{"traces": […], "metrics": […]}``: each export request, in the JSON of protocol buffers, with its headers.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS: dict[str, type[Message]] = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


class Collector(BaseHTTPRequestHandler):
    """Takes traces and metrics."""

    protocol_version = "HTTP/1.1"
    received: dict[str, list[dict[str, Any]]] = {"traces": [], "metrics": []}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/x-protobuf":
            self.answer(415, {})
            return
        message = KINDS[self.path]()
        message.ParseFromString(body)
        told = {**MessageToDict(message), "headers": {name.lower(): value for name, value in self.headers.items()}}
        self.received[self.path.rpartition("/")[2]].append(told)
        self.answer(200, None)

    def do_GET(self) -> None:
        self.answer(200, self.received)

    def answer(self, status: int, body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: standard output is where the port is told."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    print(server.server_port, flush=True)  # noqa: T201
    sys.stdin.close()
    server.serve_forever()
