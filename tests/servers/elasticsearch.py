"""A real Elasticsearch for tests, benchmarks and developers, which ends when they end.

`python -m tests.servers.elasticsearch` starts one, prints its address and runs until it is told
to stop. What is started is `tests.servers.elasticsearch_distribution`'s; pytest's fixtures are in
`tests.servers.elasticsearch_fixtures`.
"""

import argparse
import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

from tests.servers.elasticsearch_distribution import (
    Distribution,
    NoServer,
    distribution,
    give,
    identity,
)

START_SECONDS: Final = 120
STOP_SECONDS: Final = 30
LOG_LINES: Final = 40

_SETTINGS: Final = {
    "cluster.name": "passerelle-tests",
    "network.host": "127.0.0.1",
    "discovery.type": "single-node",
    "xpack.security.enabled": "false",
    # A machine whose disk is nearly full would otherwise get read-only indexes.
    "cluster.routing.allocation.disk.threshold_enabled": "false",
}
# 10 instead of 19 s of processor time for the server, 3 instead of 5 for its launcher.
_START_QUICKLY: Final = "-XX:TieredStopAtLevel=1"
# The launcher starts the server as its child. When both have ended, the shell ends. When its input
# closes, because we ended in whatever way, it ends the server and removes its folder; a line says
# that only the whole process group is to be killed. The kernel hangs up on a group with a paused
# process whose starter ends, which must not come before.
_LEASH: Final = """
trap '' HUP
{ "$@"; kill $$; } &
read -r _ || { trap '' TERM; kill -9 "$(cat pid)"; sleep 1; rm -rf "$PWD"; }
kill -9 0
"""
# Tests may run where a proxy is set; the server is on this machine.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerFailed(Exception):
    """The server did not start; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class GivenServer:
    """A server that somebody else runs (`ELASTICSEARCH_URL`): not ours to stop, kill or pause."""

    url: str
    ours: ClassVar[bool] = False


class ElasticsearchServer:
    """One node on free ports of 127.0.0.1, with its own configuration, data and logs.

    A stopped or killed one starts again at the same address with the same data. `settings` are
    Elasticsearch's and win over ours; `heap` is the largest, in Java's notation, at least 512m.
    Data outlive `close` only in a folder that was given as `data`. `measured` is for benchmarks:
    without it Java optimizes less, which starts in half the processor time and then runs slower.
    """

    ours: ClassVar[bool] = True

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        heap: str = "1g",
        port: int | None = None,
        data: Path | None = None,
        measured: bool = False,
    ) -> None:
        """Nothing runs yet. Raises `NoServer`."""
        self._distribution: Final[Distribution] = distribution()
        self._folder: Final = Path(tempfile.mkdtemp(prefix="passerelle-elasticsearch-"))
        self._data: Final = (data or self._folder / "data").resolve()
        self._java_options: Final = f"-Xms512m -Xmx{heap} {'' if measured else _START_QUICKLY}"
        free, transport = _free_ports()
        self.port: Final = port or free
        self._settings: Final = _SETTINGS | {
            "http.port": str(self.port),
            "transport.port": str(transport),
            "path.data": str(self._data),
            "path.logs": str(self._folder / "logs"),
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._configure()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The server's own process, not its launcher's. Raises `FileNotFoundError` if none runs."""
        return int(self._pid_file.read_text())

    @property
    def running(self) -> bool:
        """Paused counts as running."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """What all starts of this server have said."""
        return self._folder / "server.log"

    def start(self) -> None:
        """Return when it answers. Raises `ServerFailed`."""
        if self.running:
            return
        self._pid_file.unlink(missing_ok=True)
        self._process = self._launch()
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        """In order: what was written is flushed."""
        self.resume()
        self._signal(signal.SIGTERM)
        self._end(STOP_SECONDS)

    def kill(self) -> None:
        """At once, as when the machine loses its power."""
        self._signal(signal.SIGKILL)
        self._end(STOP_SECONDS)

    def pause(self) -> None:
        """It accepts connections and does not answer, until `resume`."""
        self._signal(signal.SIGSTOP)
        # The signal is only on its way when `kill` returns.
        while not _stopped(self.pid):
            time.sleep(0.01)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Forget all data. Raises `RuntimeError` while it runs."""
        if self.running:
            raise RuntimeError("a running server's data cannot be wiped")
        for path in self._data.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        atexit.unregister(self.close)
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _pid_file(self) -> Path:
        return self._folder / "pid"

    @property
    def _config(self) -> Path:
        return self._folder / "config"

    def _configure(self) -> None:
        """Configuration in the server's user's own folders: it adds a key store to it."""
        given = self._distribution.home / "config"
        shutil.copytree(given, self._config)
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in self._settings.items())
        (self._config / "elasticsearch.yml").write_text(lines)
        options = (given / "jvm.options").read_text().splitlines(keepends=True)
        kept = [line for line in options if not line.startswith("-Xlog:gc")]
        (self._config / "jvm.options").write_text("".join(kept))
        (self._folder / "tmp").mkdir()
        for path in (self._folder, *self._folder.rglob("*")):
            give(path)
        if not self._data.is_dir():
            self._data.mkdir(parents=True)
            give(self._data)

    def _launch(self) -> subprocess.Popen[bytes]:
        script = self._distribution.home / "bin/elasticsearch"
        with self.log.open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", _LEASH, "sh", script, "-p", self._pid_file],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                **identity(),
            )

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "ES_JAVA_HOME": str(self._distribution.java),
            "ES_JAVA_OPTS": self._java_options,
            "CLI_JAVA_OPTS": _START_QUICKLY,  # the launcher's
            "ES_PATH_CONF": str(self._config),
            "ES_TMPDIR": str(self._folder / "tmp"),
        }

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.url):
            if process.poll() is not None:
                raise ServerFailed(f"Elasticsearch ended while starting:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"not ready after {START_SECONDS} s:\n{self._log_tail()}")
            time.sleep(0.1)

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                os.kill(self.pid, number)

    def _end(self, seconds: float = 0) -> None:
        """Give the launcher so long to notice that its server ended; then all is killed."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        if self._process.stdin and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(b"kill\n")
                self._process.stdin.close()
        self._process.wait()
        self._process = None
        self._pid_file.unlink(missing_ok=True)


def _free_ports() -> tuple[int, int]:
    """Two that nobody uses now."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


def _stopped(pid: int) -> bool:
    """Whether all of its threads are; see proc_pid_stat(5)."""
    try:
        threads = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):  # a thread ended meanwhile
        return False
    return all(thread.rpartition(")")[2].split()[0] == "T" for thread in threads)


def _answers(url: str) -> bool:
    """Whether it can be asked; one that wants a password can."""
    try:
        with _OPENER.open(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def _leave(*_: object) -> None:
    """Once: a second signal must not interrupt the stopping."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one until Ctrl-C or SIGTERM; 1 when there can be none or it ends by itself."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.elasticsearch")
    parser.add_argument("--port", type=int, help="of HTTP on 127.0.0.1 (a free one)")
    parser.add_argument("--heap", default="1g", help="the largest, at least 512m (1g)")
    parser.add_argument("--data", type=Path, help="folder to keep data in (a temporary one)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)
    try:
        with ElasticsearchServer(
            heap=options.heap, port=options.port, data=options.data, measured=True
        ) as server:
            print(server.url, flush=True)  # noqa: T201
            while server.running:
                time.sleep(0.5)
            print(server.log.read_text()[-2000:], file=sys.stderr)  # noqa: T201
    except (NoServer, ServerFailed) as error:
        print(error, file=sys.stderr)  # noqa: T201
    except KeyboardInterrupt:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
