"""The Elasticsearch server that the tests start: found, fetched, completed, once a checkout.

Maven fetches the server; the analysis module beside this file is compiled into it. Starting and
stopping is left to `tests.servers.elasticsearch`.
"""

import functools
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

VERSION: Final = "9.2.0"
ARTIFACT: Final = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
OLDEST_JAVA: Final = 21
MODULE: Final = Path(__file__).parent / "elasticsearch_analysis"
MODULE_NAME: Final = "passerelle-analysis"

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_JAVA_VARIABLES: Final = ("ES_JAVA_HOME", "JAVA_HOME")
_JAVA_FOLDERS: Final = (
    (Path("/usr/lib/jvm"), "*"),
    (Path("/opt"), "*jdk*"),
    (Path("/opt/java"), "*"),
    (Path("/Library/Java/JavaVirtualMachines"), "*/Contents/Home"),
    (Path.home() / ".sdkman/candidates/java", "*"),
)
# The server refuses to run as root.
_USER: Final = "nobody" if os.geteuid() == 0 else None


class NoServer(Exception):
    """No Elasticsearch server can be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """An unpacked server with our module in it, and the Java to run it with."""

    home: Path
    java: Path


@functools.cache
def distribution() -> Distribution:
    """The server, made ready where it is not yet: about 95 MB to fetch, 140 MB on disk.

    Raises `NoServer` without Java or Maven, or where Maven cannot fetch.
    """
    java = find_java()
    home = _cache_folder() / f"{VERSION}-{_module_digest()}"
    if not home.is_dir():
        _make(home, java)
    return Distribution(home, java)


def problem() -> str | None:
    """Why no server can be had here; none if one can, which is then ready to be started."""
    try:
        distribution()
    except NoServer as reason:
        return str(reason)
    return None


def identity() -> dict[str, Any]:
    """Arguments of `subprocess` for who the server runs as: not root."""
    if _USER is None:
        return {}

    return {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": []}


def give(path: Path) -> None:
    """Make the server's user the owner."""
    if _USER is not None:
        shutil.chown(path, _USER, identity()["group"])


def find_java() -> Path:
    """The home of the first Java development kit new enough; `NoServer` where there is none."""
    for home in dict.fromkeys(path.resolve() for path in _java_homes()):
        if (home / "bin/javac").is_file() and _java_version(home) >= OLDEST_JAVA:
            return home
    raise NoServer(
        f"no Java development kit {OLDEST_JAVA} or newer (ES_JAVA_HOME, JAVA_HOME, PATH)"
    )


def _java_homes() -> Iterator[Path]:
    yield from (Path(os.environ[name]) for name in _JAVA_VARIABLES if os.environ.get(name))
    if on_path := shutil.which("java"):
        yield Path(on_path).resolve().parents[1]
    for folder, pattern in _JAVA_FOLDERS:
        yield from sorted(folder.glob(pattern), reverse=True)


def _java_version(home: Path) -> int:
    """As it says itself to the server's user, who may not be allowed to run it; 0 if it cannot."""
    try:
        asked = subprocess.run(
            [home / "bin/java", "-version"],
            capture_output=True,
            text=True,
            timeout=30,
            **identity(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', asked.stderr)
    return int(found[1]) if found else 0


def _cache_folder() -> Path:
    """In the checkout, unless that is root's own and the server's user cannot enter it."""
    inside = _CHECKOUT / ".cache/tests/elasticsearch"
    closed = _USER is not None and not _open_to_all(_CHECKOUT)
    folder = Path("/var/cache/passerelle-tests/elasticsearch") if closed else inside
    for part in (*reversed(folder.parents), folder):
        if not part.is_dir():
            part.mkdir(exist_ok=True)
            part.chmod(0o755)
    return folder


def _open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _module_files() -> list[Path]:
    return sorted(path for path in MODULE.rglob("*") if path.is_file())


def _module_digest() -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in _module_files())).hexdigest()[:12]


def _make(home: Path, java: Path) -> None:
    """Made aside and renamed: two test runs may do so at once, and the first one wins."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="making-") as aside:
        server = _unpack(_fetch(Path(aside)), Path(aside))
        _add_module(server, java, Path(aside) / "classes")
        _let_all_read(server)
        try:
            server.rename(home)
        except OSError:
            if not home.is_dir():
                raise


def _fetch(folder: Path) -> Path:
    """The server's archive, from Maven's local repository or through it."""
    maven = shutil.which("mvn")
    if maven is None:
        raise NoServer("no Maven (mvn) to fetch the server with")
    goal = ["dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
    # Outside of the checkout, so that no pom.xml is looked at.
    done = subprocess.run(
        [maven, "-q", "-B", "-Dstyle.color=never", *goal],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise NoServer(f"Maven could not fetch {ARTIFACT}: {_first_error(done.stdout)}")
    return folder / f"elasticsearch-{VERSION}.zip"


def _first_error(said: str) -> str:
    return next((line for line in said.splitlines() if "ERROR" in line), "it did not say why")


def _unpack(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    archive.unlink()
    return folder / f"elasticsearch-{VERSION}"


def _add_module(server: Path, java: Path, classes: Path) -> None:
    """Compile the analysis module against the server's own libraries."""
    sources = [path for path in _module_files() if path.suffix == ".java"]
    options = ["--release", str(OLDEST_JAVA), "-proc:none", "-cp", f"{server}/lib/*"]
    subprocess.run([java / "bin/javac", *options, "-d", classes, *sources], check=True)
    target = server / "modules" / MODULE_NAME
    target.mkdir()
    with zipfile.ZipFile(target / f"{MODULE_NAME}.jar", "w") as jar:
        for path in sorted(classes.rglob("*.class")):
            jar.write(path, path.relative_to(classes))
    descriptor = (MODULE / "plugin-descriptor.properties").read_text()
    (target / "plugin-descriptor.properties").write_text(descriptor.replace("@version@", VERSION))


def _let_all_read(server: Path) -> None:
    """Whatever our umask is; the archive's own modes are lost in unpacking."""
    for path in (server, *server.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)


if __name__ == "__main__":
    if reason := problem():
        sys.stdout.write(f"no Elasticsearch for the tests: {reason}\n")
