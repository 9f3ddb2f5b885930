"""The suggestions in a real browser: by keyboard, by mouse, read out, and never in the way."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.portal.conftest import Portal
from tests.app.portal.test_portal_browser import (
    AXE,
    CROWDED_TARGETS,
    WIDTHS,
    browser,
    listen,
    open_page,
    run_axe,
)

__all__ = ["browser"]
pytestmark = pytest.mark.browser


def typing(page: Page, server: str, text: str, address: str = "/fr/") -> None:
    """Type into the box, key by key, and wait for what is suggested."""
    page.goto(f"{server}{address}")
    page.locator("#q").press_sequentially(text)
    expect(page.get_by_role("listbox")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("address", ["/fr/", "/es/search"])
def test_open_suggestions_hold_no_obstacle(
    browser: Browser, server: str, width: int, address: str
) -> None:
    page = open_page(browser, width, color_scheme="dark" if width == 320 else "light")
    complaints = listen(page)
    typing(page, server, "cult", address)
    found = run_axe(page, AXE)["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(CROWDED_TARGETS) == []
    box = page.get_by_role("listbox").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert complaints == []
    page.close()


def test_arrows_move_escape_closes_and_enter_opens_the_title(
    browser: Browser, server: str, portal: Portal
) -> None:
    page = open_page(browser, 1280)
    typing(page, server, "empl")
    box, options = page.get_by_role("combobox"), page.get_by_role("option")
    expect(box).to_have_attribute("aria-expanded", "true")
    assert box.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_have_value("empl")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{portal.address('employment', '/fr', ui='fr')}")
    page.close()


def test_enter_without_a_choice_asks_what_was_typed(browser: Browser, server: str) -> None:
    page = open_page(browser, 1280)
    typing(page, server, "empl")
    page.keyboard.press("Enter")
    page.wait_for_url("**/fr/search?q=empl")
    page.close()


def test_a_topic_is_asked_with_the_mouse_and_other_languages_are_marked(
    browser: Browser, server: str
) -> None:
    page = open_page(browser, 1280)
    typing(page, server, "cultur", "/en/")
    foreign = page.get_by_role("option", name="Compter l’emploi culturel")
    assert foreign.count() == 0  # one edition of a resource is enough, in the reader's language
    typing(page, server, "estad", "/en/")
    topic = page.get_by_role("option", name="Estadísticas e indicadores culturales")
    assert topic.get_attribute("lang") == "es"
    topic.click()
    page.wait_for_url("**/en/search?q=Estad%C3%ADsticas+e+indicadores+culturales")
    page.close()


def test_nothing_is_fetched_below_two_letters_and_one_request_for_quick_typing(
    browser: Browser, server: str
) -> None:
    page = open_page(browser, 1280)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.install()
    page.goto(f"{server}/en/")
    page.locator("#q").fill("c")
    page.clock.run_for(1000)
    assert [url for url in asked if "suggest" in url] == []
    page.evaluate(
        """() => { const box = document.querySelector("#q");
             for (const text of ["cu", "cul", "cult"]) {
               box.value = text; box.dispatchEvent(new InputEvent("input", {bubbles: true})); } }"""
    )
    page.clock.run_for(1000)
    expect(page.get_by_role("listbox")).to_be_visible()
    assert [url.rpartition("/")[2] for url in asked if "suggest" in url] == ["suggest.json?q=cult"]
    page.close()
