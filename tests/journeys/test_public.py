"""The dialog and the player: what the shops do with and without JavaScript."""

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.stack import Stack

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=780)


def test_a_dialog_opens_holds_the_focus_and_gives_it_back_without_javascript(
    browser: Browser, stack: Stack
) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    page.goto(f"{stack.portal}/shop/melody/night-walk/")
    opener = page.get_by_role("button", name="취소 규칙 보기")
    dialog = page.get_by_role("dialog", name="취소 규칙")
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


def test_one_preview_plays_at_a_time(browser: Browser, stack: Stack) -> None:
    page = browser.new_page(viewport=PHONE, locale="ko-KR")
    page.goto(f"{stack.portal}/shop/melody/")
    first, second = (page.locator("[data-player]").nth(number) for number in (0, 1))

    first.get_by_role("button", name="미리 듣기").click()
    expect(first.get_by_role("button", name="그만 듣기")).to_be_visible()
    second.get_by_role("button", name="미리 듣기").click()
    expect(second.get_by_role("button", name="그만 듣기")).to_be_visible()

    expect(first.get_by_role("button", name="미리 듣기")).to_be_visible()
    expect(first.locator("progress")).to_be_hidden()
    expect(second.locator("progress")).to_be_visible()
    page.close()


def test_a_preview_plays_by_the_browsers_own_player_without_javascript(
    browser: Browser, stack: Stack
) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    page.goto(f"{stack.portal}/shop/melody/")

    expect(page.locator("audio[controls]").first).to_be_visible()
    expect(page.locator("[data-player] button").first).to_be_hidden()
    context.close()
