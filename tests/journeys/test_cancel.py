"""Cancelling, from the shopper's request to the merchant's report."""

import csv
import io
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests.conftest import wait_until
from tests.journeys import people
from tests.journeys.people import Phone
from tests.stack import Stack
from tests.survival import witness

pytestmark = pytest.mark.browser
FIGURES = ("매출", "취소·환불", "수수료와 부가세", "받을 돈")
_MOVING = """
    SELECT (SELECT count(*) FROM payments_refund WHERE state IN ('SCHEDULED', 'SENDING', 'UNKNOWN'))
         + (SELECT count(*) FROM payments_payment WHERE state IN ('CONFIRMING', 'UNKNOWN'))
"""


def report(owner: Page, stack: Stack) -> dict[str, int]:
    """The merchant's totals in won; screen, list and days of the CSV files must agree."""
    # Other people's money must have come to rest, or the three would be of different moments.
    wait_until(lambda: witness.rows(stack, _MOVING) == 0, what="the end of every movement")
    owner.goto("/merchant/")
    shown = [int(re.sub(r"[^0-9-]", "", t.replace("−", "-"))) for t in _values(owner)]
    screen = dict(zip(FIGURES, shown, strict=True))
    for name in ("payments.csv", "days.csv"):
        assert _totals(owner, name) == screen, name
    return screen


def _values(owner: Page) -> list[str]:
    return [text.strip() for text in owner.locator(".stat-value").all_inner_texts()]


def _totals(owner: Page, name: str) -> dict[str, int]:
    href = owner.locator(f'a[href*="{name}"]').first.get_attribute("href")
    assert href
    text = owner.request.get(href).body().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))

    def total(column: str) -> int:
        return sum(int(row[column]) for row in rows)

    fees = total("수수료") + total("수수료 부가세")
    return dict(
        zip(FIGURES, (total("매출"), total("취소·환불"), fees, total("받을 돈")), strict=True)
    )


def change(before: dict[str, int], after: dict[str, int]) -> list[int]:
    """What each figure has grown by."""
    return [after[name] - before[name] for name in FIGURES]


def approve(agent: Page, number: str) -> None:
    """Open the case and approve it with the reason suggested."""
    people.open_case(agent, number)
    people.decide(agent, "approve")


def test_cancel_from_the_receipt_is_approved_refunded_and_reported(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2101")
    owner = people.desktop(browser, stack, "owner@melody.test")
    before = report(owner, stack)
    reference = people.pay(page, phone)
    assert change(before, report(owner, stack)) == [2_200, 0, 169, 2_031]

    number = people.ask_to_cancel(page)
    agent = people.desktop(browser, stack, "agent@demo.test")
    people.open_case(agent, number)
    expect(agent.locator("body")).to_contain_text(reference)
    approve(agent, number)

    phone.newest("승인")
    expect(page.locator("main")).to_contain_text("2,200원을 돌려드렸어요")
    assert change(before, report(owner, stack)) == [2_200, 2_200, 0, 0]
    owner.goto(f"/merchant/payments/{reference}/")
    expect(owner.locator("main")).to_contain_text("환불됨")
    assert people.books(stack, reference) == [2_200]
    assert witness.booked_won(stack, reference) == 0
    for each in (owner, agent):
        each.context.close()


def test_a_rejection_reaches_the_shopper_with_its_reason_and_moves_no_money(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2102")
    reference = people.pay(page, phone)
    number = people.ask_to_cancel(page)

    agent = people.desktop(browser, stack, "agent@demo.test")
    people.open_case(agent, number)
    form = agent.locator("form", has=agent.get_by_role("button", name=re.compile("^거절")))
    form.locator("textarea").first.fill("이미 내려받은 음원이라 취소할 수 없어요.")
    people.decide(agent, "reject")

    phone.newest("이미 내려받은 음원이라")
    expect(page.locator("main")).to_contain_text("이미 내려받은 음원이라")
    assert witness.booked_won(stack, reference) == 2_200
    agent.context.close()


def test_cancel_without_the_receipt_is_proven_by_a_texted_code_and_refunded(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2103")
    reference = people.pay(page, phone)
    page.context.clear_cookies()
    page.goto("/support/request/")
    page.locator("main form input[name=product]").fill("밤 산책")
    page.locator("main form input[name=date]").fill(timezone.localdate().isoformat())
    page.locator("main form input[name=phone]").fill(phone.number)
    page.locator("main form button").last.click()
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", phone.newest(r"(?<=본인 확인 번호 )[0-9]{6}"))
    page.locator("main form button").first.click()
    expect(page.locator("main")).to_contain_text(reference)

    page.locator("main").get_by_role("link", name="이 결제 취소하기").click()
    number = people.fill_request(page)
    agent = people.desktop(browser, stack, "agent@demo.test")
    approve(agent, number)

    phone.newest("휴대폰 요금에서 빠졌어요")
    expect(page.locator("main")).to_contain_text("2,200원을 돌려드렸어요")
    assert witness.booked_won(stack, reference) == 0
    agent.context.close()


def test_a_cancel_the_carrier_refuses_is_paid_to_the_account(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "0030")
    reference = people.pay(page, phone)
    number = people.ask_to_cancel(page)
    agent = people.desktop(browser, stack, "agent@demo.test")
    approve(agent, number)

    account = page.locator("main form input[name=number]")
    expect(account).to_be_visible()
    page.locator("main form select").select_option(index=1)
    account.fill("12345678901")
    page.locator("main form input[name=holder]").fill("김시험")
    page.locator('form[action$="/account/"] button').click()

    phone.newest("끝자리 8901 계좌")
    expect(page.locator("main")).to_contain_text("8901")
    assert witness.booked_won(stack, reference) == 2_200  # The bill stays; the bank pays.
    agent.context.close()


def test_another_merchants_payment_is_not_found(page: Page, stack: Stack, browser: Browser) -> None:
    reference = people.pay(page, Phone(stack, "2104"))

    stranger = people.desktop(browser, stack, "owner@bookshelf.test")
    answer = stranger.goto(f"/merchant/payments/{reference}/")

    assert answer is not None
    assert answer.status == 404
    stranger.context.close()
