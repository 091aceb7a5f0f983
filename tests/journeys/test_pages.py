"""Every page and error state, looked at: axe, width, zoom, dark colours, console, language.

A state that passes by itself is held while it is looked at (the worker is paused, the operator does
not answer), never hunted. Each journey walks through states and yields them; SCREENSHOTS=<dir> also
saves a picture of each, to be looked at by people, and PICTURES=1 takes those of the README anew.
"""

import base64
import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.utils import timezone
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FilePayload,
    Page,
    ViewportSize,
)

from portal import help as guide
from tests.conftest import PATIENCE_SECONDS, wait_until
from tests.journeys import people
from tests.journeys.people import Phone
from tests.stack import Stack
from tests.support import files
from tests.survival import witness

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=780)
# A desktop, the same at 200 %, and the narrowest a page must fit: 1280 px at 400 % (WCAG 1.4.10).
OTHER_WIDTHS = (1280, 640, 320)
LOCALES = {"ko": "ko-KR", "en": "en-US"}
# The browser's own note on an answer it was meant to get.
EXPECTED_NOTE = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
# Reading imported style sheets again would need inline styles, which our pages forbid.
AXE_OPTIONS = {"resultTypes": ["violations"], "preload": False}
# Dark mode changes colours and nothing else.
AXE_COLOURS = {**AXE_OPTIONS, "runOnly": ["color-contrast"]}
# Another language or width changes words and places, but no colour: seen once is seen.
AXE_WORDS = {**AXE_OPTIONS, "rules": {"color-contrast": {"enabled": False}}}
_AXE = "async (options) => (await axe.run(options)).violations"
_END_TRANSITIONS = """() => {
    const passing = (one) => one.effect.getTiming().iterations !== Infinity;
    document.getAnimations().filter(passing).forEach((one) => one.finish());
}"""
# What WCAG 1.4.12 lets people set, without anything going lost.
_SPACE_OUT = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
        word-spacing: 0.16em !important; } p { margin-block-end: 2em !important; }`);
    document.adoptedStyleSheets = [sheet];
}"""
_CUT_OFF = """() => [...document.querySelectorAll("body *:not(svg, svg *)")].filter((one) => {
    const { overflowY, clipPath } = getComputedStyle(one);
    const isClipped = overflowY === "hidden" || overflowY === "clip";
    return isClipped && clipPath === "none" && one.scrollHeight > one.clientHeight + 1
        && one.clientHeight > 1;
}).map((one) => `spaced out: text is cut off in ${one.outerHTML.slice(0, 200)}`)"""
# People read the desk all day: no text under 13.5 px, and nothing to press under 24 (WCAG 2.5.8),
# buttons under 30; what stands in a sentence, or behind a label of that size, may be smaller.
_SMALL = """() => {
    const isSeen = (one) => one.checkVisibility({ visibilityProperty: true })
        && one.getBoundingClientRect().width > 1 && !one.closest(".visually-hidden");
    const size = (one) => [one, ...(one.labels ?? [])].map((part) => part.getBoundingClientRect())
        .reduce(([w, h], box) => [Math.max(w, box.width), Math.max(h, box.height)], [0, 0]);
    const hasWords = (one) => one.matches("input:not([type=checkbox]), select, textarea")
        || [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim());
    const words = [...document.querySelectorAll("body *")].filter((one) => isSeen(one)
        && hasWords(one) && parseFloat(getComputedStyle(one).fontSize) < 13.5);
    const inSentence = (one) => getComputedStyle(one).display === "inline";
    const kinds = "a[href], button, input, select, textarea, summary";
    const targets = [...document.querySelectorAll(kinds)].filter((one) => isSeen(one)
        && !inSentence(one)).filter((one) => {
            const [width, height] = size(one), isButton = one.matches("button, .desk-button");
            return width < 24 || height < (isButton ? 30 : 24);
        });
    return [...words, ...targets].map((one) => `small: ${one.outerHTML.slice(0, 160)}`);
}"""
SOON = PATIENCE_SECONDS * 1000
# The README's pictures: which state at which width, and how much of it.
README_PICTURES = {
    ("window-details-filled", 360): "window",
    ("track-approved", 360): "track",
    ("desk-case-wide", 1280): "desk",
    ("merchant-home-wide", 1280): "merchant",
}
PICTURE_HEIGHT = 840
# Looked at once more by a browser that runs no scripts; `plain-…` states are reached in one.
ALSO_PLAIN = {
    "ended-canceled",
    "ended-declined-wide",
    "ended-expired",
    "my-blocked-wide",
    "my-payment-wide",
    "my-payments-none",
    "my-payments-wide",
    "request-list-empty",
    "track-account-wide",
    "track-refunded-wide",
    "window-closing",
    "window-review",
}

View = tuple[Page, str]


@dataclass
class Visitor:
    """Somebody with one language and as many browsers as the journey needs."""

    browser: Browser
    stack: Stack
    language: str
    problems: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    is_unheard: bool = False

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

    def new_page(self, *, javascript: bool = True, like: Page | None = None) -> Page:
        """Another browser, with its own cookies or with those of a page."""
        return self._listened_to(self._new_context(javascript=javascript, like=like).new_page())

    def sign_in(self, email: str) -> Page:
        """A browser of somebody of the office or the desk."""
        return self._listened_to(people.sign_in(self._new_context(), self.stack, email))

    @contextlib.contextmanager
    def unheard(self) -> Iterator[None]:
        """The browser may complain meanwhile."""
        self.is_unheard = True
        yield
        self.is_unheard = False

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def _new_context(self, *, javascript: bool = True, like: Page | None = None) -> BrowserContext:
        context = self.browser.new_context(
            base_url=self.stack.portal,
            viewport=PHONE,
            locale=LOCALES[self.language],
            reduced_motion="reduce",
            java_script_enabled=javascript,
            storage_state=like.context.storage_state() if like else None,
        )
        self.contexts.append(context)
        return context

    def _listened_to(self, page: Page) -> Page:
        page.on("console", lambda message: self._hear(page, message))
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        return page

    def _hear(self, page: Page, message: ConsoleMessage) -> None:
        if self.is_unheard:
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
        # The checker is a script; the page without scripts is the same page with less on it.
        if not name.startswith("plain"):
            options = AXE_OPTIONS if self.visitor.language == "ko" else AXE_WORDS
            problems += self._violations("360", page, options)
        problems += self._overflow(page, 360)
        is_desk = name.startswith("desk-")
        problems += page.evaluate(_SMALL) if is_desk else []
        self._picture(page, name, 360)
        page.evaluate(_SPACE_OUT)
        problems += [f"spaced out: {problem}" for problem in self._overflow(page, 360)]
        problems += page.evaluate(_CUT_OFF)
        page.evaluate("() => { document.adoptedStyleSheets = []; }")
        is_main = "wide" in name and self.visitor.language == "ko"
        if is_main:
            page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            problems += self._violations("360 dark", page, AXE_COLOURS)
            self._picture(page, f"{name}-dark", 360)
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
        for width in OTHER_WIDTHS:
            page.set_viewport_size({"width": width, "height": 850})
            problems += self._overflow(page, width)
            if width == 1280:
                problems += self._violations("1280", page, AXE_WORDS) if is_main else []
                problems += page.evaluate(_SMALL) if is_desk else []
                self._picture(page, name, 1280)
        page.set_viewport_size(PHONE)
        if name in ALSO_PLAIN:
            problems += self._plainly(page, name)
        self.visitor.problems += [f"{name}: {problem}" for problem in problems]

    def _plainly(self, page: Page, name: str) -> list[str]:
        plain = self.visitor.new_page(javascript=False, like=page)
        plain.goto(page.url)
        there, here = page.get_by_role("heading", level=1), plain.get_by_role("heading", level=1)
        problems = [] if here.inner_text() == there.inner_text() else ["is another without scripts"]
        for width in (PHONE["width"], *OTHER_WIDTHS):
            plain.set_viewport_size({"width": width, "height": 850})
            problems += self._overflow(plain, width)
        plain.set_viewport_size(PHONE)
        self._picture(plain, f"plain-{name}", 360)
        plain.context.close()
        return problems

    def _violations(self, where: str, page: Page, options: dict[str, object]) -> list[str]:
        # Colours on their way from one to another are nobody's choice.
        page.evaluate(_END_TRANSITIONS)
        # The checker measures by styles of its own, which the page's policy rightly refuses.
        with self.visitor.unheard():
            # Half a megabyte: once for all looks at a page.
            if not page.evaluate("() => 'axe' in window"):
                page.evaluate(self.axe.axe_script)
            violations = page.evaluate(_AXE, options)
        return [
            f"{where}: axe {violation['id']}: "
            + "; ".join(
                f"{' '.join(map(str, node['target']))} {node['failureSummary']}"
                for node in violation["nodes"][:3]
            )
            for violation in violations
        ]

    def _overflow(self, page: Page, width: int) -> list[str]:
        script = """() => {
            const { scrollWidth, clientWidth } = document.documentElement;
            const past = (one) => one.getBoundingClientRect().right > clientWidth;
            const widest = [...document.querySelectorAll("main *")].filter(past).pop();
            return [scrollWidth, clientWidth, widest?.outerHTML.slice(0, 200)];
        }"""
        needed, there, widest = page.evaluate(script)
        return [f"{width}: is {needed} px wide: {widest}"] if needed > there else []

    def _picture(self, page: Page, name: str, width: int) -> None:
        if directory := os.environ.get("SCREENSHOTS"):
            file = Path(directory) / f"{name}-{self.visitor.language}-{width}.png"
            # Hiding the caret would leave style attributes behind.
            page.screenshot(path=file, full_page=True, caret="initial")
        picture = README_PICTURES.get((name, width))
        if picture and "PICTURES" in os.environ and self.visitor.language == "ko":
            height = page.evaluate("() => document.documentElement.scrollHeight")
            page.screenshot(
                path=Path(__file__).parents[2] / "docs/pictures" / f"{picture}.png",
                full_page=True,
                clip={"x": 0, "y": 0, "width": width, "height": min(height, PICTURE_HEIGHT)},
                caret="initial",
            )


def main_button(page: Page) -> None:
    """Press the one main button of the page's form."""
    page.locator("main form button.main").first.click()


def wrong(code: str) -> str:
    """Another code of six digits."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def submit_line(page: Page, phone: Phone) -> None:
    """From the shop through the first step."""
    people.open_window(page)
    people.fill_line(page, phone)
    main_button(page)


def to_code(page: Page, phone: Phone) -> None:
    """From the shop to the second step; from here on the newest code is this payment's."""
    submit_line(page, phone)
    page.wait_for_selector("[name=code]")


def pay(page: Page, phone: Phone) -> str:
    """All of it; returns the reference."""
    to_code(page, phone)
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
    people.decide(agent, "approve")


def public(visitor: Visitor) -> Iterator[View]:
    """What anybody can open."""
    page = visitor.page
    for name, path in (
        ("home-wide", "/"),
        ("shelf-wide", "/shop/melody/"),
        ("product-wide", "/shop/melody/night-walk/"),
        ("shelf-books", "/shop/bookshelf/"),
        ("product-book", "/shop/bookshelf/night-post/"),
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
    page.goto("/shop/melody/night-walk/")
    page.context.clear_cookies()
    page.locator('form[action$="/buy/"] button').first.click()
    page.wait_for_selector("h1")
    assert_says(page, "돈도 빠져나가지 않았어요", "no money was taken")
    yield page, "403-csrf-wide"
    page.goto("/support/request/")
    page.fill("[name=product]", "밤 산책")
    page.fill("[name=date]", timezone.localdate().isoformat())
    page.fill("[name=phone]", visitor.phone(9).number)
    page.locator("[name=product]").evaluate("one => { one.value = '가'.repeat(1_000_000) }")
    main_button(page)
    page.wait_for_selector(".notice.tone-note")
    assert_says(page, "나누어 보내 주세요", "a few at a time")
    yield page, "400-wide"
    page.goto("/support/request/")
    page.fill("[name=product]", "밤 산책")
    page.fill("[name=date]", timezone.localdate().isoformat())
    page.fill("[name=phone]", visitor.phone(9).number)
    with visitor.unheard(), broken(visitor.stack, "payments_phoneverification"):
        main_button(page)
        page.wait_for_selector(".notice.tone-wait")
    assert_says(page, "다시 결제하지 말고", "Do not pay again")
    assert_says(page, "1600-0100")
    yield page, "500-wide"


def helping(visitor: Visitor) -> Iterator[View]:
    """All of the help, what a search finds, and the components."""
    page = visitor.page
    slugs = [topic.slug for topic in guide.topics(is_sandbox=True)]
    for name, path in (
        ("help-wide", "/help/"),
        ("help-found-wide", "/help/?q=취소" if visitor.language == "ko" else "/help/?q=cancel"),
        ("help-nothing", "/help/?q=qqqq"),
        *((f"help-{slug}-wide", f"/help/{slug}/") for slug in slugs),
        ("design-wide", "/design/"),
    ):
        page.goto(path)
        yield page, name


def assert_says(page: Page, *languages: str) -> None:
    """One of these stands on the page: the page's own language decides which."""
    text = page.locator("main").inner_text()
    assert any(words.lower() in text.lower() for words in languages), text


@contextlib.contextmanager
def broken(stack: Stack, table: str) -> Iterator[None]:
    """Make whatever needs this table fail until the block ends."""
    url = stack.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(f"ALTER TABLE {table} RENAME TO broken")
    try:
        yield
    finally:
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(f"ALTER TABLE broken RENAME TO {table}")


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
    with visitor.unheard():
        page.route("**/code/", lambda route: route.abort())
        main_button(page)
        page.wait_for_selector("#trouble:not([hidden])")
        page.unroute("**/code/")
    yield page, "window-trouble"
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


def reading(visitor: Visitor) -> Iterator[View]:
    """More time, another number, and a book that is read at once."""
    page, phone = visitor.page, visitor.phone(10)
    people.open_window(page, "bookshelf/night-post")
    page.locator("#more-time button").click()
    page.wait_for_selector("#more-time strong")
    yield page, "window-longer"
    people.fill_line(page, phone)
    main_button(page)
    page.wait_for_selector("[name=code]")
    page.locator('form[action$="/back/"] button').click()
    page.wait_for_selector("[name=phone]")
    # The operator is being asked for a text: what another tab of the browser shows meanwhile.
    payment = people.token(page)
    with asking_for_a_text(visitor.stack, payment):
        page.goto(f"/pay/{payment}/")
        page.wait_for_selector('[hx-get*="step=preparing"]', state="attached")
        yield page, "window-preparing"
    page.goto(f"/pay/{payment}/")
    people.fill_line(page, phone)
    main_button(page)
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", phone.code)
    main_button(page)
    page.wait_for_selector('#step a[href*="/support/request/"]')
    with under_review(visitor.stack, payment):
        page.reload()
        yield page, "window-review"
    page.reload()
    page.locator("#step a.main").click()
    page.wait_for_url("**/library/**")
    yield page, "library-book"
    page.locator("main a.main").click()
    page.wait_for_url("**/read/")
    yield page, "book-wide"


def change(stack: Stack, sql: str, *values: object) -> None:
    """Change one row as time or an operator would have."""
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        assert database.execute(sql, values).rowcount == 1


@contextlib.contextmanager
def asking_for_a_text(stack: Stack, payment: str) -> Iterator[None]:
    """Hold a payment where the operator has not answered the call for a text."""
    sql = """UPDATE payments_carriercall SET state = %s, sent_at = now() WHERE kind = 'PREPARE'
                AND payment_id = (SELECT id FROM payments_payment WHERE token = %s)"""
    with stack.pause("worker"):
        change(stack, sql, "SENT", payment)
        yield
        change(stack, sql, "OK", payment)


@contextlib.contextmanager
def under_review(stack: Stack, payment: str) -> Iterator[None]:
    """Hold a payment where a person has to find out what became of it."""
    sql = "UPDATE payments_payment SET state = %s WHERE token = %s"
    with stack.pause("worker"):
        change(stack, sql, "REVIEW", payment)
        yield
        change(stack, sql, "PAID", payment)


def mine(visitor: Visitor) -> Iterator[View]:
    """Everything behind the phone number: payments, receipt, cancelling, blocking, reporting."""
    page, phone = visitor.page, visitor.phone(11)
    reference = pay(page, phone)
    page.goto("/my/")
    yield page, "my-knock-wide"
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "my-knock-errors"
    page.fill("[name=phone]", phone.number)
    page.fill("[name=birthdate]", "1990-01-31")
    main_button(page)
    page.wait_for_url("**/my/code/")
    yield page, "my-code-wide"
    page.fill("[name=code]", "12")
    main_button(page)
    page.wait_for_selector("[data-errors]")
    assert page.evaluate("document.activeElement.id") == "id_code"
    yield page, "my-code-error"
    page.fill("[name=code]", phone.newest(r"((?<=확인 번호 )|(?<=code is ))[0-9]{6}"))
    main_button(page)
    page.wait_for_url("**/my/")
    for name, path in (
        ("my-payments-wide", ""),
        ("my-payments-none", "?month=2020-01"),
        ("my-payment-wide", f"{reference}/"),
        ("my-receipt", f"{reference}/receipt/"),
        ("my-cancel", f"{reference}/cancel/"),
        ("my-buyer-ask", f"{reference}/buyer/"),
        ("my-not-me", f"{reference}/not-me/"),
        ("my-rules-wide", "rules/"),
    ):
        page.goto(f"/my/{path}")
        yield page, name
    page.locator("button[value=limit]").click()
    page.wait_for_selector("[data-errors]")
    assert page.evaluate("document.activeElement.id") == "id_limit"
    yield page, "my-rules-error"
    for what, name in (("block", "my-blocked-wide"), ("unblock", "my-unblocking")):
        page.locator(f"button[value={what}]").click()
        page.wait_for_selector(f"button[value={'unblock' if what == 'block' else 'keep-blocked'}]")
        yield page, name
    page.goto(f"/my/{reference}/not-me/")
    main_button(page)
    page.wait_for_selector("[aria-labelledby=evidence]")
    yield page, "my-not-me-next-wide"
    page.goto("/my/")
    page.locator('form[action$="/my/leave/"] button').first.click()
    page.wait_for_selector("[name=phone]")
    yield page, "my-left"


def not_paying(visitor: Visitor) -> Iterator[View]:
    """Every other way a window can look."""
    page, stack = visitor.page, visitor.stack
    submit_line(page, Phone(stack, "0016"))
    page.wait_for_selector("#step > a.main")
    yield page, "ended-declined-wide"
    submit_line(page, Phone(stack, "0055"))
    page.wait_for_selector("[name=pin]")
    yield page, "window-pin-wide"
    page.fill("[name=pin]", "135790")
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "window-pin-wrong"
    submit_line(page, Phone(stack, "0060"))
    page.wait_for_selector('[hx-get*="step=link"]', state="attached")
    yield page, "window-link-wide"
    page.locator('form[action$="/leave/"] button').click()
    page.wait_for_selector('form[action$="/again/"]')
    yield page, "ended-canceled"
    phone = Phone(stack, "0043")
    to_code(page, phone)
    page.fill("[name=code]", phone.code)
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "window-code-expired"
    # Charged, and the operator says so to nobody until it is told to.
    phone = Phone(stack, "0097")
    to_code(page, phone)
    page.fill("[name=code]", phone.code)
    main_button(page)
    page.wait_for_selector('[hx-get*="step=waiting"]', state="attached")
    yield page, "window-waiting-wide"
    witness.behave(stack)
    page.wait_for_selector('#step a[href*="/support/request/"]', timeout=SOON)
    assert people.books(stack, people.reference(page)) == [2_200]
    people.open_window(page)
    token = page.url.split("/")[-2]
    with stack.pause("worker"):
        change(
            stack,
            "UPDATE payments_payment SET expires_at = now(), check_at = now() WHERE token = %s",
            token,
        )
        page.reload()
        page.wait_for_selector('[hx-get*="step=closing"]', state="attached")
        yield page, "window-closing"

    def is_over() -> bool:
        page.reload()
        return page.locator('form[action$="/again/"]').count() == 1

    wait_until(is_over, what="the end of the window")
    yield page, "ended-expired"
    to_code(page, visitor.phone(7))
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
    yield from saving_a_view(agent)
    people.open_case(agent, number)
    yield agent, "desk-case-wide"
    agent.locator(".desk-step summary").evaluate_all("all => all.forEach((one) => one.click())")
    yield agent, "desk-case-open"
    agent.locator("button[name=decision][value=reject]").click()
    agent.wait_for_selector("[aria-invalid=true]")
    yield agent, "desk-case-error"
    with visitor.stack.pause("worker"):
        people.decide(agent, "approve")
        yield agent, "desk-after-approval"
        page.wait_for_selector(".steps li:nth-child(2).is-done", timeout=SOON)
        yield page, "track-approved-wide"
    page.wait_for_selector("#progress:not([hx-get])", timeout=SOON)
    yield page, "track-refunded-wide"
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


def saving_a_view(agent: Page) -> Iterator[View]:
    """A view of one's own: named, looked at, renamed and dropped."""
    agent.goto("/admin/support/ticket/views/add/?q=밤 산책")
    agent.locator(".desk-note button").click()
    agent.wait_for_selector("[aria-invalid=true]")
    yield agent, "desk-view-error-wide"
    agent.fill("#name", "밤 산책")
    agent.locator(".desk-note button").click()
    agent.wait_for_selector(".desk-own[aria-current]")
    yield agent, "desk-queue-own-wide"
    agent.locator("a.desk-keep").click()
    agent.wait_for_selector("button[name=forget]")
    yield agent, "desk-view"
    agent.locator("button[name=forget]").click()
    agent.wait_for_selector(".messagelist")


def asking(visitor: Visitor) -> Iterator[View]:
    """A case that waits for its customer, who reads the question and answers."""
    page = visitor.page
    pay(page, visitor.phone(9))
    number = ask_to_cancel(page)
    track = page.url
    agent = visitor.sign_in("lead@demo.test")
    people.open_case(agent, number)
    agent.locator("button[value=claim]").click()
    agent.wait_for_selector("button[value=release]")
    yield agent, "desk-case-claimed"
    agent.locator(".desk-step:has(#reply-reason) summary").click()
    agent.fill("#reply-reason", "곧 확인해 드릴게요.")
    agent.set_input_files("#reply-files", {"name": "a.exe", "mimeType": "", "buffer": b"MZ"})
    agent.locator("button[value=reply]").click()
    agent.wait_for_selector("#reply-files-error")
    yield agent, "desk-reply-file-error-wide"
    agent.set_input_files("#reply-files", a_picture())
    agent.locator("button[value=reply]").click()
    agent.wait_for_selector("[name=confirmed]", state="attached")
    yield agent, "desk-reply-confirm"
    with visitor.stack.pause("worker"):
        agent.locator("[name=decision][value=reply]").click()
        agent.wait_for_selector("button[value=take-back]")
        yield agent, "desk-reply-held"
        agent.locator("button[value=take-back]").click()
        agent.wait_for_selector(".messagelist")
    agent.locator('a[href$="/reveal/"]').click()
    agent.wait_for_selector("#reason")
    yield agent, "desk-reveal-wide"
    agent.fill("#reason", "되걸기 요청")
    agent.locator(".desk-buttons button").click()
    agent.wait_for_selector(".desk-revealed")
    yield agent, "desk-revealed"
    agent.goto("/admin/board/")
    yield agent, "desk-board-wide"
    agent.goto("/admin/support/ticket/share/")
    yield agent, "desk-share-wide"
    agent.goto("/help/desk/")
    yield agent, "help-desk-wide"
    yield from handling_together(agent, number)
    agent.goto("/admin/support/auditentry/")
    yield agent, "desk-audit-wide"
    people.open_case(agent, number)
    agent.locator(".desk-step:has(#ask-reason) summary").click()
    agent.fill("#ask-reason", "언제 처음 들으셨나요?")
    agent.locator("button[value=ask]").click()
    agent.wait_for_selector("[name=confirmed]", state="attached")
    yield agent, "desk-confirm-wide"
    agent.locator("[name=decision][value=ask]").click()
    agent.wait_for_selector(".messagelist")
    agent.goto("/admin/support/ticket/?view=waiting")
    yield agent, "desk-waiting-wide"
    page.goto(f"{track.rstrip('/')}/write/")
    yield page, "write-wide"
    page.goto(track)
    yield page, "track-question-wide"
    page.locator('main a[href$="/answer/"]').click()
    page.wait_for_url("**/answer/")
    yield page, "answer-wide"
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "answer-errors"
    page.fill("[name=text]", "아직 듣지 않았어요.")
    page.set_input_files("[name=files]", a_picture())
    main_button(page)
    page.wait_for_url(track)
    yield page, "track-files-wide"
    people.open_case(agent, number)
    yield agent, "desk-case-answered-wide"


def a_picture() -> FilePayload:
    """What somebody chooses in a field for files."""
    return {"name": "화면.png", "mimeType": "", "buffer": files.png()}


def handling_together(agent: Page, number: str) -> Iterator[View]:
    """What would happen to chosen cases, and what did to the one that was handed over."""
    agent.goto(f"/admin/support/ticket/?q={number}")
    agent.locator("input[name=case]").first.check()
    agent.locator("form[action$='/bulk/'] button").click()
    agent.locator("form.desk-note button").click()
    agent.wait_for_selector("[aria-invalid=true]")
    yield agent, "desk-bulk-error-wide"
    agent.check("input[value=ASSIGN]")
    agent.select_option("#colleague", label="상담원")
    agent.locator("form.desk-note button").click()
    agent.locator("button[name=confirmed]").wait_for()
    yield agent, "desk-bulk-trial-wide"
    agent.locator("button[name=confirmed]").click()
    agent.wait_for_selector("#bulk-items:not([hx-get])", timeout=SOON)
    yield agent, "desk-bulk-done-wide"


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
    with visitor.stack.pause("worker"):
        main_button(page)
        page.wait_for_selector("#progress:not(:has(select))")
        yield page, "track-account-given"

    pay(page, visitor.phone(3))
    number = ask_to_cancel(page)
    people.open_case(agent, number)
    agent.fill("#reject-reason", "이미 내려받은 음원이에요.")
    people.decide(agent, "reject")
    page.wait_for_selector("#progress:not([hx-get])", timeout=SOON)
    yield page, "track-rejected"

    pay(page, visitor.phone(4))
    ask_to_cancel(page)
    page.locator('form[action$="/withdraw/"] button').click()
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


def without_javascript(visitor: Visitor) -> Iterator[View]:
    """From the shop to the refund on a small phone that runs no scripts."""
    page, phone = visitor.new_page(javascript=False), visitor.phone(8)
    people.open_window(page)
    yield page, "plain-details"
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "plain-details-errors"
    people.fill_line(page, phone)
    main_button(page)
    page.wait_for_selector("[name=code]")
    yield page, "plain-code"
    page.fill("[name=code]", wrong(phone.code))
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "plain-code-wrong"
    page.fill("[name=code]", phone.code)
    main_button(page)
    page.wait_for_selector('#step a[href*="/support/request/"]')
    yield page, "plain-paid"
    ask_to_cancel(page)
    yield page, "plain-track"

    phone = Phone(visitor.stack, "0060")
    submit_line(page, phone)
    page.wait_for_selector("#step .busy")
    yield page, "plain-link"
    handset = visitor.new_page(javascript=False)
    handset.goto(phone.link)
    handset.get_by_role("button").first.click()
    handset.wait_for_url("**/done/")
    press_until_paid(page)

    phone = Phone(visitor.stack, "0097")
    to_code(page, phone)
    page.fill("[name=code]", phone.code)
    main_button(page)
    page.wait_for_selector("#step .busy")
    yield page, "plain-waiting"
    witness.behave(visitor.stack)
    press_until_paid(page)


def press_until_paid(page: Page) -> None:
    """Ask for the state of the payment by hand, until it is paid."""

    def is_paid() -> bool:
        if page.locator('#step a[href*="/support/request/"]').count():
            return True
        page.locator("#step a.outline").first.click()
        page.wait_for_load_state()
        return False

    wait_until(is_paid, what="the receipt")


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
    owner.goto("/merchant/settlements/")
    yield owner, "merchant-settlements-wide"
    other = visitor.sign_in("owner@bookshelf.test")
    for name in ("", "payments/", "refunds/", "buyers/", "settlements/"):
        other.goto(f"/merchant/{name}")
        yield other, f"merchant-empty-{name.strip('/') or 'home'}"


def asking_who(visitor: Visitor) -> Iterator[View]:
    """A request taken down on the telephone: the seller tells who bought, the owner reads it."""
    page, phone = visitor.page, visitor.phone(12)
    reference = pay(page, phone)
    agent = visitor.sign_in("agent@demo.test")
    agent.goto("/admin/support/ticket/new/")
    agent.locator(".desk-buttons button:not([name])").click()
    agent.wait_for_selector("[data-errors]")
    yield agent, "desk-intake-errors"
    agent.fill("#id_phone", phone.number)
    agent.locator(f'input[value="{reference}"]').check()
    agent.check("input[name=kind][value=B]")
    yield agent, "desk-intake-wide"
    agent.locator(".desk-buttons button:not([name])").click()
    agent.wait_for_url("**/change/")
    case = agent.url
    yield agent, "desk-question-wide"
    agent.locator(".desk-step:has(#refer-reason) summary").click()
    agent.locator("button[value=refer]").click()
    agent.locator("[name=decision][value=refer]").click()
    agent.wait_for_selector(".messagelist")
    owner = visitor.sign_in("owner@melody.test")
    owner.goto("/merchant/buyers/")
    yield owner, "merchant-buyers-wide"
    owner.goto(f"/merchant/buyers/{reference}/")
    owner.locator("button[name=tell]").click()
    owner.wait_for_selector("[data-errors]")
    yield owner, "merchant-buyer-errors-wide"
    owner.fill("[name=name]", "김민지")
    owner.fill("[name=birthdate]", "19900131")
    owner.locator("button[name=tell]").click()
    owner.wait_for_selector("button[name=tell]", state="detached")
    yield owner, "merchant-buyers-told"
    agent.goto(case)
    yield agent, "desk-buyer-told-wide"
    page.goto("/my/")
    page.fill("[name=phone]", phone.number)
    page.fill("[name=birthdate]", "1990-01-31")
    main_button(page)
    page.wait_for_url("**/my/code/")
    page.fill("[name=code]", phone.newest(r"((?<=확인 번호 )|(?<=code is ))[0-9]{6}"))
    main_button(page)
    page.wait_for_url("**/my/")
    yield page, "my-payments-ready"
    page.locator('main a[href$="/buyer/"]').click()
    page.locator("button[name=look]").click()
    page.wait_for_selector("button[name=look]", state="detached")
    yield page, "my-buyer-wide"


def leading(visitor: Visitor) -> Iterator[View]:
    """The lists behind the desk, which a lead sees all of."""
    pay(visitor.page, visitor.phone(70))
    number = ask_to_cancel(visitor.page)
    lead = visitor.sign_in("lead@demo.test")
    approve(lead, number)
    lead.goto("/admin/")
    yield lead, "desk-home-lead"
    paths = lead.locator(".desk-apps a").evaluate_all("all => all.map((one) => one.pathname)")
    for path in paths:
        if path != "/admin/support/ticket/":
            lead.goto(path)
            yield lead, f"desk-list-{path.split('/')[-2]}"
    for name in ("message", "refund", "outboxevent", "carriercall", "riskrule", "riskdecision"):
        lead.goto(f"/admin/payments/{name}/")
        lead.locator("#result_list tbody a").first.click()
        lead.wait_for_url("**/change/")
        yield lead, f"desk-one-{name}"


def securing(visitor: Visitor) -> Iterator[View]:
    """One's own account: the second factor set up, used at the door, reset by a lead."""
    page = visitor.page
    person = "finance@demo.test"

    def sign_in() -> None:
        page.goto("/merchant/login/")
        page.fill("[name=username]", person)
        page.fill("[name=password]", people.PASSWORD)
        main_button(page)

    sign_in()
    page.wait_for_url("**/admin/")
    page.goto("/account/password/")
    page.fill("[name=old_password]", "not the password")
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "account-password"
    page.goto("/account/second-factor/")
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    page.fill("[name=code]", "000000")
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "account-set-up-wide"
    page.fill("[name=code]", app_code(secret))
    main_button(page)
    page.wait_for_selector(".recovery")
    codes = page.locator(".recovery code").all_inner_texts()
    yield page, "account-codes-wide"
    page.goto("/account/second-factor/off/")
    yield page, "account-off"
    sign_in()
    page.wait_for_url("**/login/code/")
    page.fill("[name=code]", "AAAAA")
    main_button(page)
    page.wait_for_selector("[data-errors]")
    yield page, "login-code-wide"
    page.fill("[name=code]", codes[0])
    main_button(page)
    page.wait_for_url("**/account/")
    yield page, "account-wide"
    lead = visitor.sign_in("lead@demo.test")
    lead.goto(f"/admin/portal/user/?q={person}")
    lead.locator("#result_list tbody th a").click()
    lead.locator('.object-tools a[href$="/second-factor/"]').click()
    lead.wait_for_selector("#reason")
    yield lead, "desk-reset-wide"
    lead.fill("#reason", "휴대폰을 잃어버림")
    lead.locator(".desk-note button").click()
    lead.wait_for_url("**/change/")


def app_code(secret: str) -> str:
    """What an authenticator app shows now."""
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(time.time())).decode()


def operating(visitor: Visitor) -> Iterator[View]:
    """What needs a person: a payment nobody knows the end of, and a refund that failed."""
    phone = visitor.phone(14)
    operator = visitor.sign_in("operator@demo.test")
    pay(visitor.page, phone)
    number = ask_to_cancel(visitor.page)
    refused = {"mode": "deny", "reason": "CANCEL_INSUFFICIENT_BALANCE: no balance"}
    with misbehaving(phone, create_refund=refused, confirm={}, retrieve={}):
        agent = visitor.sign_in("agent@demo.test")
        approve(agent, number)
        shopper = visitor.new_page()
        to_code(shopper, phone)
        shopper.fill("[name=code]", phone.code)
        main_button(shopper)
        shopper.wait_for_selector("#step .busy")
        token = people.token(shopper)
        # From here on by hand: an answer to a poll must not meet a page on its way out.
        by_hand = visitor.new_page(javascript=False, like=shopper)
        by_hand.goto(shopper.url)
        shopper.close()
        make_old(visitor.stack, token)
        await_alerts(operator, 2)
    yield operator, "desk-alerts-wide"
    yield from reviewing(visitor, operator)
    people.reload_until(by_hand, '#step a[href*="/support/request/"]')
    yield from failed_refund(operator)
    operator.goto("/admin/verify/")
    operator.locator("#content form button").click()
    operator.wait_for_selector(".table-box")
    yield operator, "desk-verify-wide"
    yield from new_limit(operator)


@contextlib.contextmanager
def misbehaving(phone: Phone, **operations: dict[str, object]) -> Iterator[None]:
    """The operator does each badly for one line; what it confirms it charges, and keeps silent."""
    usual = {"confirm": {"mode": "timeout_after"}, "retrieve": {"mode": "error_500"}}
    line = f"+8210{phone.number[4:].replace('-', '')}"
    for operation, order in operations.items():
        facts = {**usual.get(operation, {}), **order}
        witness.fault(phone.stack, operation=operation, times=9_999, phone=line, **facts)
    try:
        yield
    finally:
        witness.behave(phone.stack)


def make_old(stack: Stack, payment: str) -> None:
    """As soon as nobody knows the end of a payment, nobody has known it for an hour."""
    sql = """UPDATE payments_payment SET unknown_at = unknown_at - interval '1 hour'
              WHERE token = %s AND state = 'UNKNOWN'"""

    def is_unknown() -> bool:
        with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
            return database.execute(sql, [payment]).rowcount == 1

    wait_until(is_unknown, what="an unknown end")


def await_alerts(page: Page, count: int) -> None:
    """Until so many things wait for a person."""

    def are_there() -> bool:
        page.goto("/admin/payments/alert/")
        return page.locator("#result_list tbody tr").count() >= count

    wait_until(are_there, what=f"{count} alerts")


def confirm_step(page: Page, reason: str = "통신사 담당자와 통화해 확인했어요.") -> None:
    """Give the reason and take the step; back on the row's page."""
    if page.locator("#reason").count():
        page.fill("#reason", reason)
    page.locator("form.desk-note .desk-button").first.click()
    page.wait_for_url(re.compile(r"/change/"))


def reviewing(visitor: Visitor, operator: Page) -> Iterator[View]:
    """The oldest case, from the alert: taken, asked about, adopted."""
    operator.goto("/admin/payments/review/")
    yield operator, "desk-reviews-wide"
    operator.locator("#result_list tbody a").first.click()
    operator.wait_for_selector(".desk-evidence")
    yield operator, "desk-review-unasked"
    operator.locator("form.desk-holder button").first.click()
    operator.wait_for_load_state()
    operator.locator('a[href$="/ask/"]').click()
    operator.wait_for_selector("form.desk-note")
    confirm_step(operator)
    yield operator, "desk-review-asked-wide"
    operator.locator('a[href$="/adopt/"]').click()
    operator.wait_for_selector("#reason")
    operator.locator("form.desk-note .desk-button").first.click()
    operator.wait_for_selector("[aria-invalid=true]")
    yield operator, "desk-review-error"
    confirm_step(operator)
    assert not operator.locator('a[href$="/reverse/"]').count()
    operator.goto("/admin/payments/review/")
    yield operator, "desk-reviews-none"


def failed_refund(operator: Page) -> Iterator[View]:
    """The refund the operator turned down, sent again from its alert."""
    operator.goto("/admin/payments/failedrefund/")
    yield operator, "desk-failed-wide"
    operator.goto("/admin/payments/alert/?kind=REFUND_FAILED")
    operator.locator("#result_list tbody .field-about a").first.click()
    operator.wait_for_selector('a[href$="/retry/"]')
    yield operator, "desk-failed-one-wide"
    operator.locator('a[href$="/retry/"]').click()
    operator.wait_for_selector("#reason")
    confirm_step(operator)
    people.reload_until(operator, ".chip.tone-done")


def new_limit(operator: Page) -> Iterator[View]:
    """A limit that cannot begin in the past, and one that begins now."""
    operator.goto("/admin/payments/limitterm/add/")
    operator.locator("#id_scope").select_option("MERCHANT_MONTH")
    operator.fill("#id_amount_won", "5000000")
    operator.fill("#id_source", "2026-11 내부 규정")
    operator.fill("#id_valid_from", "2020-01-01T00:00")
    operator.locator("[name=_save]").click()
    operator.wait_for_selector(".errorlist")
    yield operator, "desk-limit-error"
    operator.fill("#id_valid_from", "")
    operator.locator("[name=_save]").click()
    operator.wait_for_url("**/limitterm/")
    yield operator, "desk-limits-wide"


JOURNEYS = (
    public,
    helping,
    paying,
    mine,
    not_paying,
    cancelling,
    asking,
    cancelling_by_bank,
    cancelling_without_receipt,
    without_javascript,
    back_office,
    asking_who,
    operating,
    securing,
    leading,
    # Last: until then one of the shops has sold nothing.
    reading,
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
