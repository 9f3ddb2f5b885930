"""Every page in a real browser: no sideways scroll, no obstacle that axe knows, usable by keyboard
and without script, in both colour schemes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.app.portal.conftest import Portal

pytestmark = pytest.mark.browser
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS = (320, 1280)
UIS = ("en", "fr", "es")
AXE = {"resultTypes": ["violations"]}
# WCAG 2.2, 2.5.8: a target is 24 pixels each way, or a circle of that size around its centre meets
# no other target; links within a sentence are exempt. axe 4.4 does not know this rule yet.
CROWDED_TARGETS = """() => {
  const seen = [...document.querySelectorAll('a[href], button, input, summary')]
    .filter(one => one.checkVisibility() && !one.closest('.skip'))
    .map(one => ({one, box: one.getBoundingClientRect()}));
  const small = ({box}) => box.width < 24 || box.height < 24;
  const inSentence = ({one}) => getComputedStyle(one).display === 'inline' &&
    [...one.parentElement.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const centre = box => [box.x + box.width / 2, box.y + box.height / 2];
  const near = (a, b) => {
    const [x, y] = centre(a.box);
    if (small(b)) return Math.hypot(x - centre(b.box)[0], y - centre(b.box)[1]) < 24;
    const [dx, dy] = [Math.max(b.box.left - x, 0, x - b.box.right),
                      Math.max(b.box.top - y, 0, y - b.box.bottom)];
    return Math.hypot(dx, dy) < 12;
  };
  return seen.filter(a => small(a) && !inSentence(a))
    .filter(a => seen.some(b => b !== a && near(a, b))).map(a => a.one.outerHTML.slice(0, 150));
}"""


def addresses(portal: Portal) -> dict[str, str]:
    """One of each kind of page, without its language."""
    work, record = (f"/resources/{portal.ids[name]}" for name in ("employment", "record"))
    return {
        "home": "/",
        "search": "/search?q=culture+culturel+cultural+emploi",
        "narrowed": "/search?q=culture+culturel+cultural&type=guide&language=fr",
        "nothing found": "/search?q=zzzqqq",
        "empty search": "/search",
        "too long": "/search?q=" + "long+" * 450,
        "browse": "/browse",
        "list": "/browse/all",
        "resource": f"{work}/fr",
        "record": record,
        "similar": f"{work}/similar",
        "page of a PDF": f"{work}/en/pages/2?q=labour+survey",
        "page of text": f"{work}/es/pages/2",
        "earlier version": f"{work}/en/v1/pages/1",
        "scanned page": f"/resources/{portal.ids['scan']}/en/pages/1",
        "right to left": f"/resources/{portal.ids['arabic']}/ar/pages/1",
        "withdrawn": f"/resources/{portal.ids['withdrawn']}",
        "help": "/help",
        "about": "/about",
        "privacy": "/privacy",
        "accessibility": "/accessibility",
        "not found": "/nowhere",
    }


KINDS = (
    "home", "search", "narrowed", "nothing found", "empty search", "too long", "browse", "list",
    "resource", "record", "similar", "page of a PDF", "page of text", "earlier version",
    "scanned page", "right to left", "withdrawn", "help", "about", "privacy", "accessibility",
    "not found",
)  # fmt: skip


def test_every_kind_of_page_is_opened(portal: Portal) -> None:
    assert set(addresses(portal)) == set(KINDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.is_file():
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield opened
        opened.close()


def open_page(browser: Browser, width: int, **settings: Any) -> Page:
    return browser.new_page(viewport={"width": width, "height": 800}, **settings)


def listen(page: Page) -> list[str]:
    """What the browser says on its console, as it comes."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:  # Playwright takes no method of a list
        said.append(message.text)

    page.on("console", hear)
    return said


def run_axe(page: Page, options: dict[str, Any]) -> Any:
    page.evaluate(Axe().axe_script)
    return page.evaluate("options => axe.run(document, options)", options)


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_scrolls_sideways_or_holds_an_obstacle(
    browser: Browser, server: str, portal: Portal, kind: str
) -> None:
    for width in WIDTHS:
        page = open_page(browser, width, color_scheme="dark" if width == 320 else "light")
        complaints = listen(page)
        for ui in UIS:
            page.goto(f"{server}/{ui}{addresses(portal)[kind]}")
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, (width, ui)
            found = run_axe(page, AXE)["violations"]
            told = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
            assert told == [], (width, ui)
            assert page.evaluate(CROWDED_TARGETS) == [], (width, ui)
        assert [said for said in complaints if "Content Security Policy" in said] == []
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_have_enough_contrast(
    browser: Browser, server: str, portal: Portal, scheme: Any
) -> None:
    page = open_page(browser, 1280, color_scheme=scheme)
    for kind in ("home", "narrowed", "resource", "page of a PDF", "page of text"):
        page.goto(f"{server}/en{addresses(portal)[kind]}")
        options = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
        found = run_axe(page, options)
        assert found["violations"] == [], kind
        assert found["passes"], kind
    page.close()


def test_a_question_is_asked_narrowed_and_read_without_script(
    browser: Browser, server: str
) -> None:
    page = open_page(browser, 320, java_script_enabled=False)
    page.goto(f"{server}/fr/")
    page.get_by_role("searchbox").fill("enquête sur les forces de travail")
    page.get_by_role("button", name="Chercher").click()
    option = page.get_by_role("link", name="PDF")
    assert not option.is_visible()
    page.get_by_text("Affiner").click()
    option.click()
    assert "format=pdf" in page.url
    page.get_by_role("link", name="Compter l’emploi culturel").first.click()
    assert page.locator("article mark").count() > 0
    page.get_by_role("link", name="Page suivante").first.click()
    assert "/pages/3" in page.url
    assert page.get_by_role("button", name="Copier").count() == 0
    page.close()


def test_facets_stand_open_beside_the_answer_where_there_is_room(
    browser: Browser, server: str
) -> None:
    page = open_page(browser, 1280)
    page.goto(f"{server}/fr/search?q=emploi+culturel")
    facet = page.get_by_role("heading", name="Langue")
    assert facet.is_visible()
    hits, facets = page.locator(".hits").bounding_box(), facet.bounding_box()
    assert hits
    assert facets
    assert facets["x"] + facets["width"] <= hits["x"]
    page.close()


def test_everything_is_reached_by_keyboard_and_seen_to_be(
    browser: Browser, server: str, portal: Portal
) -> None:
    page = open_page(browser, 1280)
    for kind in ("home", "search", "page of a PDF"):
        page.goto(f"{server}/en{addresses(portal)[kind]}")
        page.evaluate("history.replaceState(null, '', location.pathname + location.search)")
        wanted = page.evaluate(
            """() => [...document.querySelectorAll(
                 'a[href], button, input, summary, [tabindex="0"]')]
               .filter(one => one.checkVisibility({visibilityProperty: true})).length"""
        )
        reached = 0
        for _ in range(wanted):
            page.keyboard.press("Tab")
            state = page.evaluate(
                """() => { const one = document.activeElement;
                   const ring = [one, one.parentElement].some(
                     it => getComputedStyle(it).outlineStyle !== 'none');
                   return [one !== document.body, ring, one.outerHTML.slice(0, 120)]; }"""
            )
            assert state[1] or not state[0], (kind, state[2])
            reached += bool(state[0])
        assert reached == wanted, kind
    page.close()


def test_the_skip_link_comes_first_and_leads_to_the_content(browser: Browser, server: str) -> None:
    page = open_page(browser, 1280)
    page.goto(f"{server}/es/browse")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Ir al contenido"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    page.close()


def test_marks_lie_on_the_image_where_its_words_are(
    browser: Browser, server: str, portal: Portal
) -> None:
    page = open_page(browser, 1280)
    page.goto(f"{server}/en{addresses(portal)['page of a PDF']}")
    image = page.locator(".sheet img")
    image.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.sheet img').naturalWidth > 0")
    frame, mark = image.bounding_box(), page.locator(".sheet rect").first.bounding_box()
    assert frame
    assert mark
    assert abs(frame["width"] / frame["height"] - 420 / 595) < 0.01
    assert frame["x"] < mark["x"] < mark["x"] + mark["width"] < frame["x"] + frame["width"]
    assert 0.08 < (mark["y"] - frame["y"]) / frame["height"] < 0.2
    page.close()


def test_a_page_prints_its_text_without_the_controls(
    browser: Browser, server: str, portal: Portal
) -> None:
    page = open_page(browser, 1280)
    page.emulate_media(media="print")
    page.goto(f"{server}/en{addresses(portal)['page of text']}")
    assert page.locator("article").is_visible()
    assert not page.locator(".turn").first.is_visible()
    assert not page.locator(".foot").is_visible()
    page.close()
