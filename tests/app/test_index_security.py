"""A cluster that asks who is there, over TLS: who may, who may not, and what is told of it.

The server is a real one with its security on, its certificate signed by an authority of our own.
"""

import base64
import logging
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from app.commands.operating import index
from app.config import ConfigError, read_config
from app.library import Library
from tests.app.clustered import (
    LONGEST,
    UIS,
    Clustered,
    attempts,
    check_whole,
    client_of,
    close,
    clustered,
    timed,
    until,
)
from tests.app.databases import SQLiteFiles
from tests.app.ingesting import arrive, found, work
from tests.app.test_index_outage import WAY_ON
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.elasticsearch import START_SECONDS, ElasticsearchServer
from tests.servers.elasticsearch_distribution import give, problem

pytestmark = [pytest.mark.elasticsearch, pytest.mark.slow]
PASSWORD = "correct-hörse-battery"
# bcrypt, cost 4, as Elasticsearch keeps passwords in its file of users.
HASH = "$2a$04$abcdefghijklmnopqrstuuV7qG.7G56sO0NBkQhaNbZnC.KHKgM2u"
WRONG = "wrong-pässword/ 4711"
SETTINGS = {
    "xpack.security.enabled": "true",
    "xpack.security.http.ssl.enabled": "true",
    "xpack.security.http.ssl.key": "key.pem",
    "xpack.security.http.ssl.certificate": "server.pem",
    "xpack.security.authc.api_key.enabled": "true",
}


class SecureServer(ElasticsearchServer):
    """Two users: `admin`, who may everything, and `guest`, who may nothing."""

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(SETTINGS, heap="512m")
        self.certificates = certificates
        self._keep("key.pem", certificates.key.read_text())
        self._keep("server.pem", certificates.server.read_text())
        self._keep("users", f"admin:{HASH}\nguest:{HASH}\n")
        self._keep("users_roles", "superuser:admin\n")

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def as_user(self, user: str, password: str = PASSWORD) -> str:
        """The address with a name and a password in it."""
        return self.url.replace("://", f"://{user}:{quote(password, safe='')}@")

    def _keep(self, name: str, text: str) -> None:
        (self._config / name).write_text(text)
        give(self._config / name)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until(lambda: process.poll() is not None or self._answers(), START_SECONDS)
        assert process.poll() is None, self._log_tail()

    def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=self.certificates.authority)
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        asked = urllib.request.Request(f"{self.url}/_cluster/health?wait_for_status=yellow")
        told = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        asked.add_header("Authorization", f"Basic {told}")
        try:
            with urllib.request.build_opener(*handlers).open(asked, timeout=5):
                return True
        except OSError:
            return False


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    if reason := problem():
        pytest.skip(f"no Elasticsearch: {reason}")
    certificates = make_certificates(tmp_path_factory.mktemp("certificates"))
    with SecureServer(certificates) as server:
        yield server


@pytest.fixture(scope="module")
def known(secure: SecureServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clustered]:
    """A library that is indexed there, by one who may."""
    folder = tmp_path_factory.mktemp("secure")
    with SQLiteFiles(folder).migrated(folder) as database:
        made = clustered(folder, database, "secure")
        made.environment["PASSERELLE_INDEX_CA"] = str(secure.certificates.authority)
        made.fill(secure.as_user("admin"))
        yield made


def test_who_may_searches_and_writes(known: Clustered, secure: SecureServer) -> None:
    library = known.open(secure.as_user("admin"))
    arrive(library, "# New\n\nnewcomer", "new.md")
    work(library)
    assert found(library, "newcomer") == ["New"]
    assert timed(client_of(library), "/fr/search?q=phare")[0] == 200
    check_whole(library)
    close(library)


def check_refused(library: Library, caplog: pytest.LogCaptureFixture, *secrets: str) -> str:
    """A page in each language, lists that work, jobs that wait; what was logged and told."""
    caplog.set_level(logging.DEBUG)
    client = client_of(library)
    for ui in UIS:
        status, seconds, page = timed(client, f"/{ui}/search?q=phare")
        assert (status, seconds < LONGEST) == (503, True)
        assert f'<html lang="{ui}">' in page
        assert WAY_ON[ui] in page
        assert timed(client, f"/{ui}/browse/all")[0] == 200
    told = status_of(library)
    for secret in (*secrets, PASSWORD):
        encoded = base64.b64encode(f"admin:{secret}".encode()).decode()
        for form in (secret, quote(secret, safe=""), encoded):
            assert form not in caplog.text + told
    assert "Traceback" not in caplog.text + told
    assert attempts(library) == (0, 0)
    close(library)
    return caplog.text + told


def status_of(library: Library) -> str:
    done = CliRunner().invoke(index, ["status"], obj=library)
    return done.output


@pytest.mark.parametrize(
    ("user", "password", "said"),
    [
        ("admin", WRONG, "security_exception: unable to authenticate user [admin]"),
        ("guest", PASSWORD, "security_exception: action"),
    ],
)
def test_who_may_not(
    known: Clustered,
    secure: SecureServer,
    caplog: pytest.LogCaptureFixture,
    user: str,
    password: str,
    said: str,
) -> None:
    library = known.open(secure.as_user(user, password))
    assert said in check_refused(library, caplog, password)


# A right one cannot be had: this distribution lacks a part that the index of keys needs.
def test_a_wrong_key(
    known: Clustered, secure: SecureServer, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = base64.b64encode(b"some-id-of-a-key:some-secret-of-it").decode()
    library = known.open(secure.url, PASSERELLE_INDEX_API_KEY=wrong)
    assert "security_exception" in check_refused(library, caplog, wrong, "some-secret-of-it")


@pytest.mark.parametrize("authority", ["another", "none"])
def test_a_certificate_that_is_not_trusted(
    known: Clustered,
    secure: SecureServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    authority: str,
) -> None:
    other = str(make_certificates(tmp_path).authority) if authority == "another" else ""
    library = known.open(secure.as_user("admin"), PASSERELLE_INDEX_CA=other)
    said = check_refused(library, caplog)
    assert "Elasticsearch cannot be reached securely" in said
    assert "CERTIFICATE_VERIFY_FAILED" in said


def test_plain_http_is_refused(
    known: Clustered, secure: SecureServer, caplog: pytest.LogCaptureFixture
) -> None:
    library = known.open(secure.as_user("admin").replace("https:", "http:"))
    assert "does not answer" in check_refused(library, caplog)


def test_a_key_that_cannot_be_one(known: Clustered) -> None:
    index = {"PASSERELLE_INDEX_URL": "https://127.0.0.1", "PASSERELLE_INDEX_API_KEY": "clé\n"}
    with pytest.raises(ConfigError, match="API key") as refused:
        read_config(known.environment | index)
    assert "clé" not in str(refused.value)


def test_a_file_that_is_no_certificate(known: Clustered, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in ("ca.pem", "missing.pem"):
        with pytest.raises(ConfigError, match="certificate"):
            read_config(
                known.environment
                | {
                    "PASSERELLE_INDEX_URL": "https://127.0.0.1:9200/secure",
                    "PASSERELLE_INDEX_CA": str(tmp_path / path),
                }
            )
