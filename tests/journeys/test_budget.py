"""What buying costs a cold phone: at most six page requests and 120 KB, and nothing jumps."""

import json
import re
import time

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.journeys import people, traffic
from tests.journeys.people import Phone
from tests.journeys.traffic import Traffic
from tests.stack import Stack

pytestmark = pytest.mark.browser
MOST_PAGES = 6
MOST_BYTES = 120 * 1024
# Less than anybody sees.
MOST_SHIFT = 0.001


def buy(page: Page, phone: Phone) -> list[list[tuple[float, list[str]]]]:
    """From the storefront to the receipt; the unasked shifts of the layout, page by page."""
    shifts: list[list[tuple[float, list[str]]]] = []

    def leave() -> None:
        page.wait_for_load_state("networkidle")
        # Fonts and clocks have had their say.
        page.wait_for_timeout(1_100)
        shifts.append(page.evaluate("window.seen.shifts"))

    page.goto("/shop/melody/")
    leave()
    page.get_by_role("link", name="밤 산책").click()
    page.wait_for_url("**/night-walk/")
    leave()
    page.get_by_role("button", name="휴대폰 소액결제").click()
    page.wait_for_url("**/pay/**")
    people.wait_for_htmx(page)
    people.go_through(page, phone)
    leave()
    return shifts


def test_from_storefront_to_receipt_in_six_page_requests_and_120_kb(
    page: Page, stack: Stack
) -> None:
    seen = Traffic.of(page)
    page.add_init_script(traffic.WATCH)

    buy(page, Phone(stack, "2801"))

    assert len(seen.pages) <= MOST_PAGES, seen.pages
    assert seen.wire_bytes <= MOST_BYTES, sorted(seen.fetched, key=lambda one: -one.wire_bytes)


def answer_late(route: Route) -> None:
    """Later than the browser itself takes what moves for the answer to a press."""
    time.sleep(0.8)
    route.continue_()


@pytest.mark.parametrize(("late", "last4"), [("", "2802"), ("**/pay/**", "2803")])
def test_nothing_jumps_on_the_way(late: str, last4: str, page: Page, stack: Stack) -> None:
    # A machine without any Korean font shows boxes until ours is there: that is not our layout.
    for address in ("/shop/melody/", "/shop/melody/night-walk/"):
        page.goto(address, wait_until="networkidle")
    page.add_init_script(traffic.WATCH)
    if late:
        page.route(late, answer_late)

    shifts = buy(page, Phone(stack, last4))

    for of_page in shifts:
        moved = sum(value for value, _ in of_page)
        assert moved < MOST_SHIFT, json.dumps(of_page, indent=1, ensure_ascii=False)


EVERY_LETTER = "() => [...document.fonts].some((face) => face.family.includes('Pretendard'))"


def test_a_page_of_common_letters_fetches_the_two_files_of_the_font(page: Page) -> None:
    seen = Traffic.of(page)

    page.goto("/shop/melody/", wait_until="networkidle")

    fonts = sorted(one.path.rsplit("/", 1)[1].split(".")[0] for one in seen.fetched if one.is_font)
    assert fonts == ["bold", "regular"]
    assert not page.evaluate(EVERY_LETTER)


def test_a_letter_that_the_font_does_not_have_brings_the_whole_one(page: Page) -> None:
    loaded = """() => [...document.fonts].some((face) => face.status === "loaded"
        && face.family.includes("Pretendard"))"""

    page.goto("/help/?q=쀍")

    page.wait_for_function(loaded)


def test_a_letter_that_somebody_types_does_so_too(page: Page) -> None:
    page.goto("/help/", wait_until="networkidle")
    assert not page.evaluate(EVERY_LETTER)

    page.get_by_role("searchbox").fill("쀍")

    page.wait_for_function(EVERY_LETTER)


def test_every_page_has_every_letter_where_no_script_runs(browser: Browser, stack: Stack) -> None:
    page = people.plain(browser, stack)

    with page.expect_response(re.compile(r"every-letter\.[0-9a-f]+\.css")):
        page.goto("/help/")


def test_the_measure_sees_a_jump(page: Page) -> None:
    """Negative control."""
    page.add_init_script(traffic.WATCH)
    page.goto("/shop/melody/")
    page.locator("main").evaluate(
        """main => {
            const gap = document.createElement("textarea");
            gap.rows = 20;
            main.prepend(gap);
        }"""
    )
    page.wait_for_timeout(300)

    assert sum(value for value, _ in page.evaluate("window.seen.shifts")) > MOST_SHIFT
