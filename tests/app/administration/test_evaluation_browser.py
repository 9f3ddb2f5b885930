"""The administration in a real browser: nothing sticks out, no obstacle that axe knows."""

from collections.abc import Iterator
from threading import Thread

import pytest
import waitress
from playwright.sync_api import sync_playwright

from app import create_app
from app.library import Library
from indexes.evaluation.runs import RunFolder
from tests.app.administration.conftest import HOME, PASSWORD
from tests.app.portal.test_portal_browser import ARGUMENTS, AXE, CHROMIUM, CROWDED_TARGETS, run_axe

pytestmark = pytest.mark.browser


@pytest.fixture
def server(library: Library) -> Iterator[str]:
    serving = waitress.create_server(create_app(library), host="127.0.0.1", port=0, threads=2)
    thread = Thread(target=serving.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.effective_port}"
    serving.close()
    thread.join(timeout=10)


def test_the_pages_hold_no_obstacle(server: str, runs: RunFolder) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for width, scheme in ((320, "dark"), (1280, "light")):
            page = browser.new_page(
                viewport={"width": width, "height": 800},
                color_scheme=scheme,
                http_credentials={"username": "admin", "password": PASSWORD},
            )
            for rest in ("", "/runs/first", "/difference?before=first&after=second"):
                page.goto(f"{server}{HOME}{rest}")
                assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, rest
                found = [one["id"] for one in run_axe(page, AXE)["violations"]]
                assert (found, page.evaluate(CROWDED_TARGETS)) == ([], []), (rest, width)
            page.close()
        browser.close()


def test_two_runs_are_compared_from_the_history(server: str, runs: RunFolder) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(
            java_script_enabled=False,
            http_credentials={"username": "admin", "password": PASSWORD},
        )
        page.goto(f"{server}{HOME}")
        page.get_by_role("button", name="Compare").click()
        assert "before=first&after=second" in page.url
        assert page.get_by_role("cell", name="better").count() == 3
        browser.close()
