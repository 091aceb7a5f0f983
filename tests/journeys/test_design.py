"""The components in a browser: every state passes axe, the dialog needs no script."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize, expect

from tests.stack import Stack

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=780)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_component_in_every_state_passes_axe(
    browser: Browser, stack: Stack, scheme: str
) -> None:
    page = browser.new_page(viewport=PHONE, color_scheme=scheme, locale="ko-KR")  # type: ignore[arg-type]
    page.goto(f"{stack.portal}/design/")

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    results = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
    assert results.violations_count == 0, results.generate_report()
    page.close()


def test_a_dialog_opens_holds_the_focus_and_gives_it_back_without_javascript(
    browser: Browser, stack: Stack
) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    page.goto(f"{stack.portal}/design/")
    opener = page.get_by_role("button", name="취소 규칙 보기")
    dialog = page.get_by_role("dialog", name="달이 바뀌면 돌려받는 길이 달라져요")
    expect(dialog).to_be_hidden()

    opener.press("Enter")
    expect(dialog).to_be_visible()
    expect(page.locator("dialog:modal")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    opener.click()
    dialog.get_by_role("button", name="닫기").click()
    expect(dialog).to_be_hidden()
    context.close()
