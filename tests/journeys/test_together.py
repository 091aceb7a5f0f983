"""Two people on one case, in two browsers: each sees the other, and nothing typed is lost."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import people
from tests.journeys.people import Phone
from tests.stack import Stack

pytestmark = pytest.mark.browser
MINE = "저는 이미 들으신 것으로 봤어요."


def look_again(page: Page) -> None:
    """What a page asks at once when somebody comes back to it, instead of every ten seconds."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_two_agents_collide_on_one_case_and_nothing_is_lost(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2721")
    people.pay(page, phone)
    number = people.ask_to_cancel(page)
    agent = people.desktop(browser, stack, "agent@demo.test")
    lead = people.desktop(browser, stack, "lead@demo.test")
    for colleague in (agent, lead):
        people.open_case(colleague, number)

    with lead.expect_response(re.compile(r"/presence/\?writing=1")):
        lead.locator("#approve-reason").press_sequentially("!")
    look_again(agent)
    expect(agent.get_by_text("상담팀장 님이 쓰고 있어요")).to_be_visible()

    agent.fill("#reject-reason", MINE)
    people.decide(lead, "approve")
    look_again(agent)
    expect(agent.get_by_text("상담팀장: 요청 승인")).to_be_visible()
    expect(agent.locator("#reject-reason")).to_have_value(MINE)
    expect(agent.locator("#reject-reason")).to_be_focused()

    agent.get_by_role("button", name="거절", exact=True).click()
    expect(agent.get_by_role("alert")).to_contain_text("아직 아무것도 하지 않았어요")
    expect(agent.locator(".desk-evidence")).to_contain_text("상담팀장: 요청 승인")
    expect(agent.locator(".desk-evidence")).to_contain_text(MINE)
    # What counts is what was decided first, and only that is told.
    expect(page.get_by_role("heading", name="2,200원을 돌려드렸어요")).to_be_visible()
    assert not [text for text in phone.texts if MINE in text]
    for colleague in (agent, lead):
        colleague.context.close()
