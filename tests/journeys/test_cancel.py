"""Cancelling, from the shopper's request to the merchant's report."""

import csv
import io
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests.journeys import people
from tests.journeys.people import Phone
from tests.stack import Stack

pytestmark = pytest.mark.browser
SOON = 25_000


def net_won(owner: Page) -> int:
    """The sum of the net column of the merchant's payments as CSV."""
    owner.goto("/merchant/")
    href = owner.locator('a[href*="payments.csv"]').first.get_attribute("href")
    assert href
    answer = owner.request.get(href)
    text = answer.body().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    column = next(name for name in (rows[0] if rows else {"받을 돈": ""}) if "받을" in name)
    return sum(int(row[column]) for row in rows)


def test_cancel_from_the_receipt_is_approved_refunded_and_reported(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2101")
    owner = people.sign_in(browser, stack, "owner@melody.test")
    before = net_won(owner)
    reference = people.pay(page, phone)
    assert net_won(owner) == before + 2_031

    number = people.ask_to_cancel(page)
    agent = people.sign_in(browser, stack, "agent@demo.test")
    people.open_case(agent, number)
    expect(agent.locator("body")).to_contain_text(reference)
    agent.get_by_role("button", name=re.compile("^승인")).first.click()
    agent.wait_for_load_state()

    phone.newest("승인", seconds=25)
    expect(page.locator("main")).to_contain_text("2,200원을 돌려드렸어요", timeout=SOON)
    assert net_won(owner) == before
    owner.goto(f"/merchant/payments/{reference}/")
    expect(owner.locator("main")).to_contain_text("취소")
    assert people.books(stack, reference) == [2_200]
    for each in (owner, agent):
        each.context.close()


def test_a_rejection_reaches_the_shopper_with_its_reason(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "2102")
    people.pay(page, phone)
    number = people.ask_to_cancel(page)

    agent = people.sign_in(browser, stack, "agent@demo.test")
    people.open_case(agent, number)
    form = agent.locator("form", has=agent.get_by_role("button", name=re.compile("^거절")))
    form.locator("textarea").first.fill("이미 내려받은 음원이라 취소할 수 없어요.")
    agent.get_by_role("button", name=re.compile("^거절")).first.click()
    agent.wait_for_load_state()

    phone.newest("이미 내려받은 음원이라", seconds=25)
    expect(page.locator("main")).to_contain_text("이미 내려받은 음원이라", timeout=SOON)
    agent.context.close()


def test_cancel_without_the_receipt_is_proven_by_a_texted_code(page: Page, stack: Stack) -> None:
    phone = Phone(stack, "2103")
    reference = people.pay(page, phone)
    page.context.clear_cookies()
    page.goto("/support/request/")
    today = timezone.localdate()
    page.locator("main form input[name*=product]").fill("밤 산책")
    page.locator("main form input[name*=date]").first.fill(today.isoformat())
    page.locator("main form input[name=phone]").fill(phone.number)
    page.locator("main form button").last.click()
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", phone.newest(r"(?<=본인 확인 번호 )[0-9]{6}"))
    page.locator("main form button").first.click()
    expect(page.locator("main")).to_contain_text(reference)


def test_a_cancel_the_carrier_refuses_is_paid_to_the_account(
    page: Page, stack: Stack, browser: Browser
) -> None:
    phone = Phone(stack, "0030")
    people.pay(page, phone)
    number = people.ask_to_cancel(page)
    agent = people.sign_in(browser, stack, "agent@demo.test")
    people.open_case(agent, number)
    agent.get_by_role("button", name=re.compile("^승인")).first.click()
    agent.wait_for_load_state()

    account = page.locator("main form input[name*=number]").first
    expect(account).to_be_visible(timeout=SOON)
    page.locator("main form select").first.select_option(index=1)
    account.fill("12345678901")
    page.locator("main form input[name*=holder]").fill("김시험")
    page.locator('form[action$="/account/"] button').first.click()

    phone.newest("끝자리 8901 계좌", seconds=25)
    expect(page.locator("main")).to_contain_text("8901", timeout=SOON)
    agent.context.close()


def test_another_merchants_payment_is_not_found(page: Page, stack: Stack, browser: Browser) -> None:
    reference = people.pay(page, Phone(stack, "2104"))

    stranger = people.sign_in(browser, stack, "owner@bookshelf.test")
    answer = stranger.goto(f"/merchant/payments/{reference}/")

    assert answer is not None
    assert answer.status == 404
    stranger.context.close()
