"""The operator's pages in a real browser: usable at 360 px, accessible, quiet under their CSP."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.sandbox.carrier import Carrier, link_in

pytestmark = pytest.mark.browser


@pytest.fixture
def small_phone(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 360, "height": 720}, locale="ko-KR")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    page.close()
    assert complaints == []


def look(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_from_the_list_of_phones_to_a_confirmed_payment(
    carrier: Carrier, small_phone: Page
) -> None:
    page = small_phone
    payment = carrier.prepared("0000")
    link = link_in(carrier.text_of("0000", payment))
    page.goto(f"{carrier.base_url}/sandbox/phones/")
    look(page)
    page.get_by_role("link", name="010-9000-0000").click()
    page.wait_for_url("**/phones/01090000000/")
    look(page)
    page.get_by_role("link", name=link).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("이 결제를 확인할까요?")
    look(page)
    page.get_by_role("button", name="결제 확인").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("결제를 확인했습니다")
    look(page)
    assert carrier.status(payment) == "reserved"


def test_a_new_text_appears_by_itself(carrier: Carrier, small_phone: Page) -> None:
    page = small_phone
    page.goto(f"{carrier.base_url}/sandbox/phones/01090003579/")
    look(page)
    expect(page.get_by_text("아직 받은 문자가 없습니다.")).to_be_visible()
    carrier.prepared("3579")
    expect(page.get_by_text("결제 인증번호")).to_be_visible(timeout=10_000)


def test_korean_is_readable_on_a_machine_without_korean_fonts(
    carrier: Carrier, small_phone: Page
) -> None:
    page = small_phone
    page.goto(f"{carrier.base_url}/sandbox/phones/")
    page.wait_for_load_state("networkidle")

    loaded = "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    assert "Pretendard Variable" in {name.strip('"') for name in page.evaluate(loaded)}
