"""What a shopper, an agent and a merchant do, step by step, in a browser."""

import contextlib
import re
from dataclasses import dataclass

import httpx2
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    StorageState,
    expect,
)

from tests import phones
from tests.conftest import wait_until
from tests.stack import Stack

PASSWORD = "demo-only-Passw0rd"
DONE = "결제가 완료됐어요"
# What a signed-in browser keeps, by portal and account: signing in is slow on purpose.
_cookies: dict[tuple[str, str], StorageState] = {}


@dataclass(frozen=True)
class Phone:
    """A sandbox phone, as its owner reads it."""

    stack: Stack
    last4: str

    @property
    def number(self) -> str:
        return f"010-9000-{self.last4}"

    @property
    def texts(self) -> list[str]:
        """Every text, newest first."""
        return phones.texts(self.stack.sandbox, self.last4)

    def newest(self, pattern: str) -> str:
        """The first match in the newest text that has one; waits for it to arrive."""

        def find() -> str:
            matches = (re.search(pattern, text) for text in self.texts)
            return next((match.group() for match in matches if match), "")

        return str(wait_until(find, what=f"a text with {pattern} on {self.last4}"))

    @property
    def code(self) -> str:
        """The six digits of the newest text with a code."""
        return self.newest(r"(?<![0-9])[0-9]{6}(?![0-9])")

    @property
    def codes(self) -> list[str]:
        """The operator's codes so far, newest first."""
        return [found[1] for text in self.texts if (found := re.search(r"번호 ([0-9]{6})", text))]

    @property
    def link(self) -> str:
        """The link of the newest text with one."""
        return self.newest(r"https?://\S+/confirm/\S+")


def to_window(page: Page, product: str = "melody/night-walk") -> None:
    """From the shop to the payment window, whatever of it has come."""
    page.goto(f"/shop/{product}/")
    page.locator(f'form[action$="/{product}/buy/"] button').first.click()
    page.wait_for_url("**/pay/**")


def wait_for_htmx(page: Page) -> None:
    """Where scripts run: what is pressed before goes as a form, from page to page."""
    if page.evaluate("matchMedia('(scripting: enabled)').matches"):
        wait_until(lambda: page.evaluate("'htmx' in window"), what="htmx")


def open_window(page: Page, product: str = "melody/night-walk") -> None:
    """From the shop to the payment window."""
    to_window(page, product)
    wait_for_htmx(page)


def fill_line(
    page: Page, phone: Phone, *, carrier: str = "SKT", birthdate: str = "19900131"
) -> None:
    """Carrier, phone, birthdate, every consent; not sent yet."""
    page.locator(f'[name=carrier][value="{carrier}"]').check()
    page.fill("[name=phone]", phone.number)
    page.fill("[name=birthdate]", birthdate)
    for consent in ("agree_billing", "agree_privacy", "agree_third_party"):
        page.check(f"[name={consent}]")


def submit_line(page: Page, phone: Phone, **more: str) -> None:
    """Fill the first step and press 결제하기."""
    fill_line(page, phone, **more)
    page.get_by_role("button", name="결제하기").click()


def to_code(page: Page, phone: Phone, product: str = "melody/night-walk") -> None:
    """From the shop to the second step; from here on the newest code is this payment's."""
    open_window(page, product)
    submit_line(page, phone)
    page.wait_for_selector("[name=code]")


def type_code(page: Page, code: str) -> None:
    """Type the code and press the button that charges."""
    page.fill("[name=code]", code)
    page.get_by_role("button", name=re.compile("결제 확정")).click()


def pay(page: Page, phone: Phone, product: str = "melody/night-walk") -> str:
    """The whole of it; returns the payment's reference."""
    open_window(page, product)
    go_through(page, phone)
    return reference(page)


def go_through(page: Page, phone: Phone) -> None:
    """The steps of the window, to the receipt."""
    submit_line(page, phone)
    page.wait_for_selector("[name=code]")
    type_code(page, phone.code)
    expect(page.get_by_role("heading", name=DONE)).to_be_visible()


def reference(page: Page) -> str:
    """The payment's number on the page."""
    found = re.search(r"PB-\w{4}-\w{4}", page.locator("main").inner_text())
    assert found
    return found.group()


def token(page: Page) -> str:
    """The secret of the payment window's address."""
    found = re.search("/pay/([^/]+)/", page.url)
    assert found
    return found[1]


def plain(browser: Browser, stack: Stack) -> Page:
    """A small phone that runs no scripts."""
    context = browser.new_context(
        base_url=stack.portal,
        java_script_enabled=False,
        locale="ko-KR",
        viewport={"width": 360, "height": 780},
    )
    return context.new_page()


def reload_until(page: Page, selector: str) -> None:
    """What somebody without scripts does while waiting."""

    def is_there() -> bool:
        # One that is still under way ends the other.
        with contextlib.suppress(Error):
            page.reload()
        return page.locator(selector).count() > 0

    wait_until(is_there, what=selector)


def ask_to_cancel(page: Page) -> str:
    """From the receipt to the tracking page; returns the request's number."""
    page.locator("#step").get_by_role("link", name="결제 취소 요청").click()
    return fill_request(page)


def fill_request(page: Page) -> str:
    """The reason, and off it goes; returns the request's number."""
    page.get_by_label("단순 변심").check()
    page.get_by_role("button", name="취소 요청하기").click()
    page.wait_for_url("**/support/track/**")
    found = re.search(r"C-\d+", page.locator("body").inner_text())
    assert found
    return found.group()


def sign_in(context: BrowserContext, stack: Stack, email: str) -> Page:
    """A page of somebody signed in; only the first time types the password."""
    page = context.new_page()
    if cookies := _cookies.get((stack.portal, email)):
        context.add_cookies([c for c in cookies["cookies"] if c["name"] == "sid"])  # type: ignore[misc]
        return page
    page.goto("/merchant/login/")
    page.fill("[name=username]", email)
    page.fill("[name=password]", PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(lambda url: "login" not in url)
    _cookies[stack.portal, email] = context.storage_state()
    return page


def desktop(browser: Browser, stack: Stack, email: str) -> Page:
    """A desktop with somebody signed in."""
    context = browser.new_context(
        base_url=stack.portal, viewport={"width": 1280, "height": 850}, locale="ko-KR"
    )
    return sign_in(context, stack, email)


def open_case(agent: Page, number: str) -> None:
    """From the queue to one case, open or closed."""
    agent.goto(f"/admin/support/ticket/?q={number}")
    agent.get_by_role("link", name=re.compile(number)).first.click()
    agent.wait_for_url("**/change/")


def books(stack: Stack, payment_reference: str) -> list[int]:
    """Won of every charge the operator's own books have for a payment."""
    answer = httpx2.get(
        f"{stack.operator_api}/books",
        params={"reference": payment_reference},
        headers={"Authorization": f"Bearer {stack.operator_token}"},
    )
    return [c["amount_won"] for c in answer.json()["charges"] if c["status"] == "succeeded"]


def decide(agent: Page, decision: str) -> None:
    """Approve or reject the open case; the desk goes on to the next one, or to the queue."""
    case = agent.url
    agent.locator(f"button[name=decision][value={decision}]").click()
    agent.wait_for_url(lambda url: url != case)


def resend_button(page: Page) -> Locator:
    """What asks for a new code, as soon as one may be had."""
    cooling = "초 뒤에 다시 받을 수 있어요"
    wait_until(lambda: cooling not in page.locator("#step").inner_text(), what="the cool-down")
    return page.locator('form[action$="/resend/"] button')
