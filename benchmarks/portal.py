"""How fast the portal answers and what its pages weigh, on a data folder that holds a library.

    python benchmarks/portal.py DATA [--seconds 5] [--clients 4]

Starts the real server on a free port, finds a resource and a page by asking it, measures each kind
of page after a warm-up, prints a table, stops the server.
"""

import argparse
import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0
ROW = "{:14} {:>10} {:>10} {:>8} {:>8} {:>12}"
QUESTIONS = ("cultural+employment", "emploi+culturel", "politicas+culturales", "periodic+report")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    with served(options.data) as server:
        port = server.port
        kinds = addresses(port)
        assets = asset_bytes(port)
        print(f"{os.cpu_count()} cores, {options.clients} clients")
        print(f"stylesheet, script, icon: {assets:,} bytes")
        print(ROW.format("page", "requests/s", "median ms", "p95 ms", "HTML", "with assets"))
        for kind, paths in kinds.items():
            report(kind, port, paths, options, assets)


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    pid: int


@contextmanager
def served(data: Path, *options: str) -> Iterator[Server]:
    """The server as it is run for people, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"PASSERELLE_DATA": str(data)}
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), *options]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, server)
        yield Server(port, server.pid)
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit("the server did not start: run `passerelle doctor`")
        try:
            fetch(port, "/robots.txt")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not answer in time")


def fetch(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}")
    return body


def addresses(port: int) -> dict[str, list[str]]:
    searches = [f"/{ui}/search?q={text}" for ui in ("en", "fr", "es") for text in QUESTIONS]
    found = fetch(port, searches[0]).decode()
    hits = [
        link.replace("&amp;", "&").partition("#")[0]
        for link in re.findall(r'<h3><a href="([^"]+)"', found)
    ]
    pages = [link for link in hits if "/pages/" in link]
    if not pages:
        raise SystemExit("no passage was found: load the demo library into this folder first")
    resources = sorted({re.sub(r"(/resources/\w+).*", r"\1", link) for link in hits})
    return {
        "home": ["/en/", "/fr/", "/es/"],
        "search": searches,
        "resource": resources,
        "page": [link.partition("?")[0] for link in pages],
        "page, marked": pages,
        "browse": ["/en/browse", "/fr/browse/all"],
    }


def asset_bytes(port: int) -> int:
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', fetch(port, "/en/").decode())
    return sum(len(fetch(port, link)) for link in links)


def report(
    kind: str, port: int, paths: list[str], options: argparse.Namespace, assets: int
) -> None:
    sizes = [len(fetch(port, path)) for path in paths]  # the warm-up: caches, images, models
    times: list[float] = []
    end = time.perf_counter() + options.seconds
    workers = [
        threading.Thread(target=ask, args=(port, paths[at:] + paths[:at], end, times))
        for at in range(options.clients)
    ]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rate = len(times) / (time.perf_counter() - began)
    times.sort()
    median, late = statistics.median(times) * 1000, times[int(len(times) * 0.95)] * 1000
    figures = (f"{rate:.1f}", f"{median:.1f}", f"{late:.1f}")
    print(ROW.format(kind, *figures, f"{max(sizes):,}", f"{max(sizes) + assets:,}"))


def ask(port: int, paths: list[str], end: float, times: list[float]) -> None:
    at = 0
    while (began := time.perf_counter()) < end:
        fetch(port, paths[at % len(paths)])
        times.append(time.perf_counter() - began)
        at += 1


if __name__ == "__main__":
    main()
