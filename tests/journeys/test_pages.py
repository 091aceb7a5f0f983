"""Every page and error state, looked at: axe, width, console, language.

Each journey walks through states and yields them; SCREENSHOTS=<dir> also saves a picture of each,
to be looked at by people.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize

from tests.conftest import wait_until
from tests.journeys import people
from tests.journeys.people import PASSWORD, Phone
from tests.stack import Stack

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=780)
DESKTOP = ViewportSize(width=1280, height=850)
LOCALES = {"ko": "ko-KR", "en": "en-US"}
# The browser's own note on an answer it was meant to get.
EXPECTED_NOTE = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
# Reading imported style sheets again would need inline styles, which our pages forbid.
AXE_OPTIONS = {"resultTypes": ["violations"], "preload": False}
SOON = 25_000

View = tuple[Page, str]


@dataclass
class Visitor:
    """Somebody with one language and as many browsers as the journey needs."""

    browser: Browser
    stack: Stack
    language: str
    problems: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    # The checker measures by styles of its own, which the page's policy rightly refuses.
    is_measured: bool = False

    @cached_property
    def page(self) -> Page:
        """A small phone."""
        return self.new_page()

    @property
    def base(self) -> int:
        """Both languages use lines of their own."""
        return 2400 if self.language == "ko" else 2500

    def phone(self, number: int) -> Phone:
        """A line that pays and belongs to this visitor alone."""
        return Phone(self.stack, str(self.base + number))

    def new_page(self) -> Page:
        """Another browser, with its own cookies."""
        context = self.browser.new_context(
            base_url=self.stack.portal,
            viewport=PHONE,
            locale=LOCALES[self.language],
            reduced_motion="reduce",
        )
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._hear(page, message))
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        return page

    def sign_in(self, email: str) -> Page:
        """A browser of somebody of the office or the desk."""
        page = self.new_page()
        page.goto("/merchant/login/")
        page.fill("[name=username]", email)
        page.fill("[name=password]", PASSWORD)
        main_button(page)
        page.wait_for_url(lambda url: "login" not in url)
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def _hear(self, page: Page, message: ConsoleMessage) -> None:
        if self.is_measured:
            return
        if message.type == "error" and not EXPECTED_NOTE.match(message.text):
            self.problems.append(f"{page.url}: console: {message.text}")


@dataclass
class Eyes:
    """What looks at a page, and remembers what is wrong with it."""

    visitor: Visitor
    axe: Axe = field(default_factory=Axe)

    def look(self, page: Page, name: str) -> None:
        """Check the page as it stands, small and wide."""
        page.wait_for_load_state()
        problems: list[str] = []
        is_ours = page.url.startswith(self.visitor.stack.portal)
        language = page.locator("html").get_attribute("lang")
        # The sandbox operator is somebody else's site, in Korean with English beside it.
        expected = self.visitor.language if is_ours else "ko"
        if language != expected:
            problems.append(f"lang is {language!r}")
        problems += [f"360: {problem}" for problem in self._violations(page)]
        self._measure(page, name, 360, problems)
        page.set_viewport_size(DESKTOP)
        if "wide" in name and self.visitor.language == "ko":
            problems += [f"1280: {problem}" for problem in self._violations(page)]
        self._measure(page, name, 1280, problems)
        page.set_viewport_size(PHONE)
        self.visitor.problems += [f"{name}: {problem}" for problem in problems]

    def _violations(self, page: Page) -> Iterator[str]:
        self.visitor.is_measured = True
        violations = self.axe.run(page, options=AXE_OPTIONS).response["violations"]
        self.visitor.is_measured = False
        for violation in violations:
            places = "; ".join(
                f"{' '.join(map(str, node['target']))} {node['failureSummary']}"
                for node in violation["nodes"][:3]
            )
            yield f"axe {violation['id']}: {places}"

    def _measure(self, page: Page, name: str, width: int, problems: list[str]) -> None:
        script = (
            "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        needed, there = page.evaluate(script)
        if needed > there:
            problems.append(f"{width}: is {needed} px wide")
        if directory := os.environ.get("SCREENSHOTS"):
            file = Path(directory) / f"{name}-{self.visitor.language}-{width}.png"
            # Hiding the caret would leave style attributes behind.
            page.screenshot(path=file, full_page=True, caret="initial")


def main_button(page: Page) -> None:
    """Press the one main button of the page's form."""
    page.locator("main form button.main").first.click()


def wrong(code: str) -> str:
    """Another code of six digits."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def to_code(page: Page, phone: Phone) -> None:
    """From the shop to the second step."""
    people.open_window(page)
    people.fill_line(page, phone)
    main_button(page)


def pay(page: Page, phone: Phone) -> str:
    """All of it; returns the reference."""
    to_code(page, phone)
    # Only now has the new code been texted: an older one may lie on the same phone.
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", phone.code)
    main_button(page)
    page.wait_for_selector('#step a[href*="/support/request/"]')
    return people.reference(page)


def ask_to_cancel(page: Page) -> str:
    """From the receipt to the tracking page; returns the request's number."""
    page.locator('#step a[href*="/support/request/"]').click()
    page.locator("[name=reason]").first.check()
    main_button(page)
    page.wait_for_url("**/support/track/**")
    found = re.search(r"C-\d+", page.locator("body").inner_text())
    assert found
    return found.group()


def approve(agent: Page, number: str) -> None:
    """Open the case and approve it with the reason suggested."""
    people.open_case(agent, number)
    agent.locator("button[name=decision][value=approve]").click()
    agent.wait_for_load_state()


def public(visitor: Visitor) -> Iterator[View]:
    """What anybody can open."""
    page = visitor.page
    for name, path in (
        ("home-wide", "/"),
        ("help-wide", "/help/"),
        ("shelf-wide", "/shop/melody/"),
        ("product-wide", "/shop/melody/night-walk/"),
        ("shelf-books", "/shop/bookshelf/"),
        ("404", "/nothing/"),
        ("login", "/admin/login/"),
    ):
        page.goto(path)
        yield page, name
    page.locator("main form").evaluate("form => { form.noValidate = true }")
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "login-empty"
    page.fill("[name=username]", "owner@melody.test")
    page.fill("[name=password]", "not the password")
    main_button(page)
    page.wait_for_load_state()
    yield page, "login-wrong"
    page.goto(f"{visitor.stack.sandbox}/phones/")
    yield page, "sandbox-phones"


def paying(visitor: Visitor) -> Iterator[View]:
    """The way to the receipt and to what was bought, with every kind of mistake."""
    page, phone = visitor.page, visitor.phone(1)
    people.open_window(page)
    yield page, "window-details-wide"
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "window-details-errors-wide"
    people.fill_line(page, phone)
    page.locator(".more-choices summary, .consent summary").evaluate_all(
        "all => all.forEach((one) => one.click())"
    )
    yield page, "window-details-filled"
    main_button(page)
    page.wait_for_selector("[name=code]")
    yield page, "window-code-wide"
    page.fill("[name=code]", wrong(phone.code))
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "window-code-wrong"
    handset = visitor.new_page()
    handset.goto(f"{visitor.stack.sandbox}/phones/{phone.number.replace('-', '')}/")
    yield handset, "sandbox-phone"
    handset.goto(phone.link)
    yield handset, "sandbox-confirm"
    handset.get_by_role("button").first.click()
    handset.wait_for_url("**/done/")
    yield handset, "sandbox-confirmed"
    handset.goto(phone.link)
    yield handset, "sandbox-confirm-again"
    page.locator('#step a[href*="/support/request/"]').wait_for(timeout=SOON)
    yield page, "window-paid-wide"
    page.locator("#step a.main").click()
    page.wait_for_url("**/library/**")
    yield page, "library-wide"


def not_paying(visitor: Visitor) -> Iterator[View]:
    """Every other way a window can look."""
    page, stack = visitor.page, visitor.stack
    to_code(page, Phone(stack, "0016"))
    page.wait_for_selector("#step > a.main")
    yield page, "ended-declined-wide"
    to_code(page, Phone(stack, "0060"))
    page.wait_for_selector('[hx-get*="step=link"]', state="attached")
    yield page, "window-link"
    page.locator('form[action$="/leave/"] button').click()
    page.wait_for_selector("#step > a.main")
    yield page, "ended-canceled"
    phone = Phone(stack, "0043")
    to_code(page, phone)
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", phone.code)
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "window-code-expired"
    phone = Phone(stack, "0098")
    to_code(page, phone)
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", phone.code)
    main_button(page)
    page.wait_for_selector('[hx-get*="step=waiting"]', state="attached")
    yield page, "window-waiting"
    people.open_window(page)
    token = page.url.split("/")[-2]
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        sql = "UPDATE payments_payment SET expires_at = now() WHERE token = %s"
        assert database.execute(sql, [token]).rowcount == 1

    def is_over() -> bool:
        page.reload()
        return page.locator("#step > a.main").count() == 1

    wait_until(is_over, what="the end of the window")
    yield page, "ended-expired"
    to_code(page, visitor.phone(7))
    page.wait_for_selector("[name=code]")
    stranger = visitor.new_page()
    stranger.goto(page.url)
    yield stranger, "window-elsewhere"


def cancelling(visitor: Visitor) -> Iterator[View]:
    """From the receipt to the refund on the bill, on both sides of the desk."""
    page = visitor.page
    pay(page, visitor.phone(2))
    receipt = page.url
    page.locator('#step a[href*="/support/request/"]').click()
    page.wait_for_url("**/support/request/**")
    yield page, "request-receipt-wide"
    request = page.url
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "request-receipt-errors"
    page.goto(receipt)
    number = ask_to_cancel(page)
    yield page, "track-new-wide"

    agent = visitor.sign_in("agent@demo.test")
    agent.goto("/admin/")
    yield agent, "desk-home-wide"
    agent.goto("/admin/support/ticket/")
    yield agent, "desk-queue-wide"
    people.open_case(agent, number)
    yield agent, "desk-case-wide"
    agent.locator("button[name=decision][value=reject]").click()
    agent.wait_for_selector("[aria-invalid=true]")
    yield agent, "desk-case-error"
    agent.locator("button[name=decision][value=approve]").click()
    agent.wait_for_load_state()
    yield agent, "desk-after-approval"
    page.wait_for_selector(".steps li:nth-child(2).is-done", timeout=SOON)
    yield page, "track-approved"
    page.wait_for_selector("#progress:not([hx-get])", timeout=SOON)
    yield page, "track-refunded"
    people.open_case(agent, number)
    yield agent, "desk-case-closed"
    agent.goto("/admin/payments/payment/")
    yield agent, "desk-payments-wide"
    agent.locator("#result_list tbody a").first.click()
    agent.wait_for_load_state()
    yield agent, "desk-payment"
    agent.goto("/admin/support/ticket/?q=nothing")
    yield agent, "desk-queue-empty"
    agent.goto("/merchant/")
    yield agent, "merchant-403"

    page.goto(request)
    yield page, "request-refunded"
    page.goto(receipt)
    yield page, "window-refunded"
    page.goto(page.locator("#step a.main").get_attribute("href") or "")
    yield page, "library-closed"


def cancelling_by_bank(visitor: Visitor) -> Iterator[View]:
    """A refund the operator refuses, to the own account; withdrawn and rejected requests."""
    page = visitor.page
    agent = visitor.sign_in("agent@demo.test")
    pay(page, Phone(visitor.stack, "0030"))
    approve(agent, ask_to_cancel(page))
    page.wait_for_selector("select[name=bank]", timeout=SOON)
    yield page, "track-account-wide"
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "track-account-errors"
    page.locator("select[name=bank]").select_option(index=1)
    page.fill("[name=number]", "12345678901")
    page.fill("[name=holder]", "김시험")
    main_button(page)
    page.wait_for_selector("#progress:not(:has(select))")
    yield page, "track-account-given"

    pay(page, visitor.phone(3))
    number = ask_to_cancel(page)
    people.open_case(agent, number)
    agent.fill("#reject-reason", "이미 내려받은 음원이에요.")
    agent.locator("button[name=decision][value=reject]").click()
    page.wait_for_selector("#progress:not([hx-get])", timeout=SOON)
    yield page, "track-rejected"

    pay(page, visitor.phone(4))
    ask_to_cancel(page)
    page.locator('form[action$="/withdraw/"] button').click()
    page.wait_for_load_state()
    page.wait_for_selector("#progress:not([hx-get])", timeout=SOON)
    yield page, "track-withdrawn"


def cancelling_without_receipt(visitor: Visitor) -> Iterator[View]:
    """The request of somebody who only knows what and when."""
    page, phone = visitor.page, visitor.phone(5)
    pay(page, phone)
    page.context.clear_cookies()
    page.goto("/support/request/")
    yield page, "request-wide"
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "request-errors"
    today = timezone.localdate()
    page.fill("[name=product]", "밤 산책")
    page.fill("[name=date]", today.isoformat())
    page.fill("[name=phone]", phone.number)
    main_button(page)
    page.wait_for_selector("[name=code]")
    yield page, "request-code"
    code = phone.newest(r"(?<=본인 확인 번호 )[0-9]{6}|(?<=code is )[0-9]{6}")
    page.fill("[name=code]", wrong(code))
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "request-code-wrong"
    page.fill("[name=code]", code)
    main_button(page)
    page.wait_for_url("**/support/request/line/**")
    yield page, "request-list-wide"
    page.fill("[name=date]", (today - timedelta(days=40)).isoformat())
    page.locator("main form button").first.click()
    page.wait_for_load_state()
    yield page, "request-list-empty"
    page.go_back()
    page.locator("a.button[href*='/support/request/line/']").first.click()
    page.wait_for_selector("[name=reason]")
    yield page, "request-from-list"


def back_office(visitor: Visitor) -> Iterator[View]:
    """The merchant's pages, with rows and without."""
    pay(visitor.page, visitor.phone(6))
    owner = visitor.sign_in("owner@melody.test")
    owner.goto("/merchant/")
    yield owner, "merchant-home-wide"
    owner.locator("main details > summary").evaluate_all("all => all.forEach((one) => one.click())")
    yield owner, "merchant-home-open"
    owner.goto("/merchant/?period=custom&first=2026-12-31&last=2026-01-01")
    yield owner, "merchant-home-error"
    owner.goto("/merchant/payments/")
    yield owner, "merchant-payments-wide"
    owner.locator("#payment-rows a").first.click()
    owner.wait_for_url("**/merchant/payments/PB-*/")
    yield owner, "merchant-payment-wide"
    owner.goto("/merchant/payments/?q=nothing")
    yield owner, "merchant-payments-none"
    owner.goto("/merchant/payments/?first=x&amount=x")
    yield owner, "merchant-payments-error"
    owner.goto("/merchant/refunds/")
    yield owner, "merchant-refunds-wide"
    other = visitor.sign_in("owner@bookshelf.test")
    for name in ("", "payments/", "refunds/"):
        other.goto(f"/merchant/{name}")
        yield other, f"merchant-empty-{name.strip('/') or 'home'}"


JOURNEYS = (
    public,
    paying,
    not_paying,
    cancelling,
    cancelling_by_bank,
    cancelling_without_receipt,
    back_office,
)


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_every_page_can_be_seen_read_and_used(
    journey: Callable[[Visitor], Iterator[View]], language: str, browser: Browser, stack: Stack
) -> None:
    visitor = Visitor(browser, stack, language)
    eyes = Eyes(visitor)
    for page, name in journey(visitor):
        eyes.look(page, name)
    visitor.close()
    assert not visitor.problems, "\n".join(visitor.problems)
