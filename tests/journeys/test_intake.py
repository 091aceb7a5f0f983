"""Cases that agents take down, and what becomes of them: a payout held, a buyer made known."""

import re
from datetime import timedelta

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from payments.templatetags.won import until
from tests.conftest import wait_until
from tests.journeys import people
from tests.journeys.people import Phone
from tests.stack import Stack

pytestmark = pytest.mark.browser
SOON = 25_000


def held(owner: Page) -> str:
    """What the settlement page says is kept back."""
    owner.goto("/merchant/settlements/")
    return "\n".join(re.findall(r".*보류.*|.*이의신청.*", owner.locator("main").inner_text()))


def let_days_pass(stack: Stack, number: str, days: int) -> None:
    """The case came so many days earlier."""
    sql = """UPDATE support_ticket SET accepted_at = accepted_at - %(time)s,
                    due_at = due_at - %(time)s WHERE id = %(id)s"""
    key = int(number.partition("-")[2]) - 20_000
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        changed = database.execute(sql, {"time": timedelta(days=days), "id": key})
        assert changed.rowcount == 1


def take_down(agent: Page, phone: Phone, reference: str, kind: str, reason: str = "") -> str:
    """Type a request while somebody talks; returns its number."""
    agent.goto("/admin/support/ticket/")
    agent.get_by_role("link", name=re.compile("^새 요청")).click()
    expect(agent.get_by_label("고객의 휴대전화번호")).to_be_focused()
    agent.keyboard.type(phone.number)
    agent.locator(f'input[name=payment][value="{reference}"]').check()
    agent.get_by_role("group", name="무엇을 원하나요?").get_by_label(kind).check()
    if reason:
        agent.get_by_label("이유 (취소 요청과 이의신청)").select_option(label=reason)
    agent.get_by_label("고객이 한 말").fill("제가 산 것이 아니래요.")
    agent.get_by_role("button", name="요청 열기").click()
    agent.wait_for_url("**/change/")
    expect(agent.get_by_text("제가 산 것이 아니래요.").first).to_be_visible()
    found = re.search(r"[OB]-\d+", agent.locator("article").inner_text())
    assert found
    return found.group()


def test_an_objection_holds_a_payout_and_its_end_lets_it_go(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2811")
    reference = people.pay(page, phone)
    agent = people.desktop(browser, stack, "agent@demo.test")
    owner = people.desktop(browser, stack, "owner@melody.test")
    before = held(owner)

    take_down(agent, phone, reference, "이의신청", "같은 결제가 두 번 됐어요")

    assert held(owner) != before
    history = agent.get_by_role("complementary")
    expect(history.get_by_text("이의신청 (전화)")).to_be_visible()
    phone.newest(r"이의신청을 받았어요")
    # The line pays on: only `this was not me` stops it.
    people.pay(page, phone, "melody/first-bus")
    agent.locator("#reject-reason").fill("두 곡을 한 번씩 사셨어요.")
    people.decide(agent, "reject")
    phone.newest(r"이의신청\(O-\d+\)을 들어드리지 못했어요")
    assert held(owner) == before
    agent.context.close()
    owner.context.close()


def test_the_owner_of_a_line_learns_within_three_days_who_bought(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2812")
    reference = people.pay(page, phone)
    agent = people.desktop(browser, stack, "agent@demo.test")
    number = take_down(agent, phone, reference, "구매자정보")
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        [accepted_at] = database.execute(
            "SELECT accepted_at FROM support_ticket WHERE id = %s", [int(number[2:]) - 20_000]
        ).fetchone() or [None]
    due = until(accepted_at + timedelta(days=3))
    expect(agent.locator("article")).to_contain_text(f"답변 기한 {due}")

    agent.locator("summary", has_text="판매자에게 묻기").click()
    agent.locator("button[value=refer]").click()
    agent.wait_for_selector("[name=confirmed]", state="attached")
    expect(agent.locator(".desk-talk")).to_contain_text(f"{due}까지 판매자 화면의")
    agent.get_by_role("button", name="판매자에게 보내기").click()
    agent.wait_for_selector(".messagelist")
    owner = people.desktop(browser, stack, "owner@melody.test")
    row = owner.get_by_role("row").filter(has_text=number)
    owner.goto("/merchant/buyers/")
    expect(row).to_contain_text(due)
    let_days_pass(stack, number, 2)
    owner.reload()
    expect(row).to_contain_text("답을 기다림")
    let_days_pass(stack, number, 1)
    owner.reload()
    expect(row).to_contain_text("기한 지남")
    people.open_case(agent, number)
    expect(agent.get_by_text("답변 기한 지남").first).to_be_visible()

    row.get_by_role("link", name=number).click()
    expect(owner.get_by_text("기한이 지났어요")).to_be_visible()
    owner.get_by_label("구매자 성명").fill("김민지")
    owner.get_by_label("구매자 생년월일").fill("20080131")
    owner.get_by_role("button", name="구매자 정보 알리기").click()
    expect(owner.get_by_text("알렸어요", exact=True)).to_be_visible()
    assert "김민지" not in owner.content()

    told = wait_until(
        lambda: next((text for text in phone.texts if "본인 확인 뒤 받기" in text), ""),
        what="the text to the owner of the line",
    )
    assert "김민지" not in told
    page.goto(re.search(r"https?://\S+/track/\S+", told).group())  # type: ignore[union-attr]
    page.get_by_role("link", name="본인 확인하고 받기").click()
    page.get_by_label("휴대전화번호").fill(phone.number)
    page.get_by_label("생년월일").fill("19900131")
    page.get_by_role("button", name="인증번호 받기").click()
    page.wait_for_url("**/my/code/")
    page.fill("[name=code]", phone.newest(r"(?<=본인 확인 번호 )[0-9]{6}"))
    page.keyboard.press("Enter")
    page.get_by_role("link", name="구매자 정보 보기").click()
    expect(page.get_by_text("김민지")).to_have_count(0)
    page.get_by_role("button", name="성명과 생년월일 보기").click()
    expect(page.get_by_text("김민지")).to_be_visible()
    expect(page.get_by_text("2008년 1월 31일")).to_be_visible()

    agent.reload()
    expect(agent.get_by_text("판매자가 구매자를 알렸어요.")).to_be_visible(timeout=SOON)
    assert "김민지" not in agent.content()
    lead = people.desktop(browser, stack, "lead@demo.test")
    lead.goto("/admin/support/auditentry/")
    trail = lead.get_by_role("row").filter(has_text=f"ticket:{int(number[2:]) - 20_000}:buyer")
    expect(trail).to_have_count(2)
    for context in (agent.context, owner.context, lead.context):
        context.close()
