"""A page is styled, then laid out, then painted: each step may be a task of its own.

That they are is the browser's doing; `make bench` shows how long the longest lasts.
"""

import pytest
from playwright.sync_api import Page, Route

from tests.conftest import wait_until

pytestmark = pytest.mark.browser
# Longer than the rest of a page takes here.
LATE_S = 2.0
WATCH = """
window.steps = [];
const note = (step) => {
    if (document.currentScript?.dataset.firstLook) window.steps.push([step, performance.now()]);
};
const style = window.getComputedStyle;
window.getComputedStyle = (...all) => (note("style"), style(...all));
const height = Object.getOwnPropertyDescriptor(HTMLElement.prototype, "offsetHeight");
Object.defineProperty(HTMLElement.prototype, "offsetHeight", {
    get() { note("layout"); return height.get.call(this); },
});
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def steps_of_first_look(page: Page) -> list[str]:
    """What was done to the storefront, in this order, when the script for it comes late."""
    page.add_init_script(WATCH)
    page.route("**/first-look.*", late)
    page.goto("/shop/melody/")

    steps = [["paint", painted_at(page)], *page.evaluate("window.steps")]
    return [step for step, at in sorted(steps, key=lambda step: step[1])]


def painted_at(page: Page) -> float:
    """Milliseconds after the page began."""
    at: float = wait_until(lambda: page.evaluate(PAINTED), what="the first paint")
    return at


def late(route: Route) -> None:
    route.request.frame.page.wait_for_timeout(LATE_S * 1000)
    route.continue_()


def without_blocking(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('blocking="render"', ""))


def test_a_page_is_painted_when_it_has_been_styled_and_laid_out(page: Page) -> None:
    assert steps_of_first_look(page) == ["style", "layout", "paint"]


def test_a_page_is_painted_when_the_script_does_not_come(page: Page) -> None:
    page.route("**/first-look.*", lambda route: route.abort())

    page.goto("/shop/melody/")

    assert page.get_by_role("link", name="밤 산책").is_visible()
    assert painted_at(page)


def test_the_measure_sees_a_paint_before_them(page: Page) -> None:
    """Negative control."""
    page.route("**/shop/melody/", without_blocking)

    assert steps_of_first_look(page) == ["paint", "style", "layout"]
