"""A real PostgreSQL for the tests: from Debian's binaries, or the one that is named.

It sorts by the rules of a language, not by bytes as SQLite does: what leaves the order of a list
to the database's own collation is seen here.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from secrets import token_hex

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

GIVEN = "PASSERELLE_TESTS_DATABASE_URL"
OLDEST = 15
_USERS = ("postgres", "nobody")  # the server refuses to run as root
_OWNER = "passerelle"
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_START_SECONDS = 30.0
# A test's data may be lost with the machine.
_QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "listen_addresses": "",
}


@cache
def problem() -> str | None:
    """Why there can be no PostgreSQL; none where there can."""
    if os.environ.get(GIVEN):
        return None
    if _binaries() is None:
        return f"needs PostgreSQL {OLDEST} or newer (tests/system_packages.sh), or {GIVEN}"
    if os.geteuid() == 0 and _user() is None:
        return f"PostgreSQL does not run as root, and there is no user {' or '.join(_USERS)}"
    # The server's user has to get into its folder; tempfile makes folders for one user only.
    closed = [str(one) for one in _temporary_parents() if not one.stat().st_mode & 0o001]
    return f"others may not enter {', '.join(closed)}" if _user() and closed else None


class PostgreSQL:
    """A server for the tests of this session, on a socket in a temporary folder.

    With `PASSERELLE_TESTS_DATABASE_URL` it is that one, which can be neither stopped nor killed.
    """

    def __init__(self) -> None:
        given = os.environ.get(GIVEN)
        self.is_ours = not given
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        session = token_hex(4)  # a server that was given may be asked by several
        self._names = (f"passerelle_{session}_{number}" for number in count())
        if given:
            self._url = make_url(given)
            return
        self._folder = Path(tempfile.mkdtemp(prefix="passerelle-postgresql-"))
        if user := _user():
            shutil.chown(self._folder, user)
        self._url = URL.create(
            "postgresql+psycopg", username=_OWNER, database="postgres",
            query={"host": str(self._folder)},
        )  # fmt: skip
        self._make_cluster()
        self.start()

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers; nothing where it runs."""
        assert self._folder
        if self._process and self._process.poll() is None:
            return
        options = [f"--{name}={value}" for name, value in _QUICK.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program("postgres"), "-D", self._data, "-k", self._folder, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                user=_user(), group=_group(), extra_groups=_groups(),
                preexec_fn=_die_with_parent, start_new_session=True,
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        """Close every connection and shut down in order."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As when it crashes: nothing is brought to an end, and a start recovers."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        if self._folder:
            self.kill()
            shutil.rmtree(self._folder, ignore_errors=True)

    def create(self, template: str = "template0") -> str:
        """A database of its own, empty or a copy of another; its address."""
        name = next(self._names)
        self._run("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'", name, template)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Take a database away, whoever is still connected."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", database_of(url))

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        url = self.create(template)
        try:
            yield url
        finally:
            self.drop(url)

    @property
    def _data(self) -> Path:
        assert self._folder
        return self._folder / "data"

    def _make_cluster(self) -> None:
        """ICU brings the rules of a language, whatever locales the machine has."""
        command = [
            _program("initdb"), "-D", self._data, "-U", _OWNER, "-A", "trust", "-E", "UTF8",
            "--no-sync", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US",
        ]  # fmt: skip
        done = subprocess.run(
            command, user=_user(), group=_group(), extra_groups=_groups(), cwd="/",
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()

    def _run(self, statement: str, *names: str) -> None:
        told = sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
        with self._connect() as connection:
            connection.execute(told)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True, connect_timeout=5)

    def _wait(self) -> None:
        assert self._process
        assert self._folder
        patience = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                running = self._process.poll() is None and time.monotonic() < patience
                assert running, (self._folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def _end(self, number: int) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(_START_SECONDS)


def database_of(url: str) -> str:
    return make_url(url).database or ""


def _binaries() -> Path | None:
    """The folder of the newest version that is new enough."""
    found = {
        int(folder.parent.name): folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdigit() and (folder / "initdb").exists()
    }
    newest = max(found, default=0)
    return found[newest] if newest >= OLDEST else None


def _program(name: str) -> Path:
    folder = _binaries()
    assert folder
    return folder / name


def _user() -> str | None:
    """Whom the server runs as; none for the user of the tests."""
    if os.geteuid() != 0:
        return None
    there = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in _USERS if name in there), None)


def _group() -> int | None:
    user = _user()
    return pwd.getpwnam(user).pw_gid if user else None


def _groups() -> list[int] | None:
    return [] if _user() else None


def _temporary_parents() -> list[Path]:
    folder = Path(tempfile.gettempdir()).resolve()
    return [folder, *folder.parents]


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """Runs in the child: whatever ends the tests ends the server, at once."""
    _libc.prctl(_DIE_WITH_PARENT, signal.SIGQUIT)
