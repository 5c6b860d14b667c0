"""The page of metrics for Prometheus, with the labels that the worker knows."""

from __future__ import annotations

import socket
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from advanced_workflow.client.telemetry.known_labels import KnownLabels

_SECONDS = 10


def serve_page(address: str, inner: str, known: KnownLabels) -> ThreadingHTTPServer:
    """Serve the page of `inner` at `address`, folded, in a thread of its own. Raises `OSError` where nobody can listen there."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                with urllib.request.urlopen(f"http://{inner}/metrics", timeout=_SECONDS) as answer:
                    page = known.fold(answer.read().decode()).encode()
            except OSError:
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in address.rpartition(":")[0] else socket.AF_INET

    host, _, port = address.rpartition(":")
    server = Server((host.strip("[]"), int(port)), Page)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
