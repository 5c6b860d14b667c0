"""An HTTP service on loopback, and the built-in action that may call it."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from advanced_workflow.activities.builtin.http_request import HttpPolicy, HttpRequests


class Partner:
    """An HTTP service on loopback: notes each request and answers as told."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answers: list[tuple[int, Any]] = []
        self.address = ""

    def answer(self) -> tuple[int, Any]:
        return self.answers.pop(0) if self.answers else (200, {"accepted": True})


@contextmanager
def partner() -> Generator[Partner]:
    service = Partner()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            service.requests.append(
                {
                    "method": self.command,
                    "path": self.path,
                    "body": json.loads(body) if body else None,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                }
            )
            status, answer = service.answer()
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

        do_PUT = do_POST

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def http(*hosts: str, secrets: tuple[str, ...] = ()) -> list[Any]:
    return [HttpRequests(HttpPolicy(hosts, secrets=secrets)).send]
