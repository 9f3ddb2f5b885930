"""A proxy in front of a real server that does to its answers what a server cannot be told to do.

It delays, refuses, cuts in the middle and takes only every second change of a bulk. With a
certificate it also ends TLS.
"""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

_REFUSED = {"type": "es_rejected_execution_exception", "reason": "too much at once"}
_OURS = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
_ENDS_HERE = ("connection", "transfer-encoding", "content-length")


@dataclass
class Faults:
    """What goes wrong now: seconds before each answer, a status instead of it for paths that hold
    `where`, half an answer, every second change of a bulk answered with a status.
    """

    delay: float = 0.0
    status: int = 0
    where: str = ""
    cut: bool = False
    half_bulk: int = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: str
    faults: Faults

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        faults = self.faults
        time.sleep(faults.delay)
        if faults.status and faults.where in self.path:
            self._answer(faults.status, _OURS, json.dumps({"error": _REFUSED}).encode(), cut=False)
            return
        half = bool(faults.half_bulk) and "_bulk" in self.path
        lines = body.splitlines(keepends=True)
        changes = list(_changes(lines)) if half else []
        body = b"".join(changes[::2]) if half else body
        try:
            status, headers, answer = self._asked(body)
        except (OSError, HTTPException):
            self.close_connection = True
            return
        self._answer(
            status,
            headers,
            _with_refused(answer, changes, faults.half_bulk) if half else answer,
            faults.cut,
        )

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    def _asked(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(self.target, timeout=90)
        headers = {**self.headers, "Content-Length": str(len(body)), "Accept-Encoding": "identity"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        kept = {key: own for key, own in answer.getheaders() if key.lower() not in _ENDS_HERE}
        found = answer.status, kept, answer.read()
        connection.close()
        return found

    def _answer(self, status: int, headers: dict[str, str], body: bytes, cut: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        """Nothing: what goes wrong here is meant to."""


def _changes(lines: list[bytes]) -> Iterator[bytes]:
    """Each change of a bulk: a line, and the document below it unless it deletes one."""
    rest = iter(lines)
    for line in rest:
        yield line if b'"delete"' in line[:12] else line + next(rest)


def _with_refused(answer: bytes, changes: list[bytes], status: int) -> bytes:
    told = json.loads(answer)
    for at, change in enumerate(changes):
        if at % 2:
            (action,) = json.loads(change.splitlines()[0])
            told["items"].insert(at, {action: {"status": status, "error": _REFUSED}})
    return json.dumps(told | {"errors": True}).encode()


@contextmanager
def faulty_proxy(target: str, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, Faults]]:
    """The proxy's address, and its faults to be set while it runs."""
    faults = Faults()
    own = {"target": urlsplit(target).netloc, "faults": faults}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), own))
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
