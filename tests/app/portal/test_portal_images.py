"""Images of pages when many are asked for at once, and of pages that cannot be drawn."""

import shutil
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.resources import page_images
from app.resources.page_images import CannotBeDrawn, PageImages
from ingest.errors import Reason, Refused
from ingest.pdf_pages import PageImage
from tests.app.portal.conftest import Portal

SHA = "ab" * 32
SOURCE = Path("not-read.pdf")


class Sandbox:
    """Counts what is asked of it; refuses when told so."""

    def __init__(self) -> None:
        self.asked = 0
        self.refuses: Reason | None = None

    def render_page(self, *_given: Any, **_options: Any) -> PageImage:
        self.asked += 1
        if self.refuses:
            raise Refused(self.refuses)
        return PageImage(b"webp", 1, 1)

    page_words = extract_pages = render_page


@pytest.fixture(autouse=True)
def nothing_drawn_yet(portal: Portal) -> None:
    """Other tests share the portal and may have drawn the same pages."""
    shutil.rmtree(portal.library.config.page_images, ignore_errors=True)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    counting = Sandbox()
    monkeypatch.setattr(page_images, "sandbox", counting)
    return counting


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> BoundedSemaphore:
    """The turns to draw, for one test."""
    turns = BoundedSemaphore(1)
    monkeypatch.setattr(page_images, "_DRAWING", turns)
    return turns


def test_who_waits_too_long_is_told_to_come_back_and_reads_without_marks(
    client: FlaskClient,
    portal: Portal,
    monkeypatch: pytest.MonkeyPatch,
    turns: BoundedSemaphore,
) -> None:
    monkeypatch.setattr(turns, "acquire", lambda timeout: timeout != 5.0)  # nobody gives way
    for rest in ("/en/v2/pages/3.webp", "/en/v2/pages.pdf?from=1&to=2"):
        answer = client.get(portal.address("employment", rest))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    page = client.get(portal.address("employment", "/en/v2/pages/3?q=jobs+surveys"))
    assert page.status_code == 200
    assert page.text.count("<mark>") == 2
    assert "<rect " not in page.text


def test_what_another_drew_meanwhile_is_not_drawn_again(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Waiting(BoundedSemaphore):
        """While one waits for a turn, another thread makes the file."""

        def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
            target = tmp_path / SHA[:2] / SHA / "1.webp"
            target.parent.mkdir(parents=True)
            target.write_bytes(b"theirs")
            return super().acquire(blocking, timeout)

        __enter__ = acquire

    monkeypatch.setattr(page_images, "_DRAWING", Waiting(1))
    assert PageImages(tmp_path).image(SOURCE, SHA, 1).read_bytes() == b"theirs"
    assert sandbox.asked == 0


def test_a_page_that_cannot_be_drawn_is_not_tried_at_each_request(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = PageImages(tmp_path)
    sandbox.refuses = Reason.CRASHED
    for _request in range(3):
        with pytest.raises(CannotBeDrawn):
            images.image(SOURCE, SHA, 1)
        assert images.sheet(SOURCE, SHA, 1, mark=lambda _text: ()).marks == ()
    assert sandbox.asked == 2  # the image and the words
    sandbox.refuses = None
    images.image(SOURCE, SHA, 2)
    monkeypatch.setattr(page_images, "_REMEMBERED", 0)  # a day later
    assert images.image(SOURCE, SHA, 1).read_bytes() == b"webp"


def test_a_missing_file_is_not_remembered_of_its_pages(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.refuses = Reason.UNREADABLE
    with pytest.raises(Refused):
        PageImages(tmp_path).image(SOURCE, SHA, 1)
    assert not list(tmp_path.rglob("*"))


def test_an_image_that_cannot_be_drawn_is_404_and_its_page_is_text(
    client: FlaskClient, portal: Portal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_images, "_marker_of", lambda target: target.with_suffix(".test"))
    sandbox.refuses = Reason.TOO_SLOW
    assert client.get(portal.address("scan", "/en/pages/2.webp")).status_code == 404
    page = client.get(portal.address("employment", "/fr/pages/3?q=artistes"))
    assert (page.status_code, "<rect " in page.text) == (200, False)
    for marker in portal.library.config.page_images.rglob("*.test"):
        marker.unlink()
