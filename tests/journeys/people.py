"""What a shopper, an agent and a merchant do, step by step, in a browser."""

import re
from dataclasses import dataclass

import httpx2
from playwright.sync_api import Browser, Page, expect

from tests.conftest import wait_until
from tests.stack import Stack

PASSWORD = "demo-only-Passw0rd"
DONE = "결제가 완료됐어요"


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
        digits = self.number.replace("-", "")
        answer = httpx2.get(f"{self.stack.sandbox}/phones/{digits}/?format=json")
        return [text["text"] for text in answer.json()]

    def newest(self, pattern: str, *, seconds: float = 20) -> str:
        """The first match in the newest text that has one; waits for it to arrive."""

        def find() -> str:
            matches = (re.search(pattern, text) for text in self.texts)
            return next((match.group() for match in matches if match), "")

        return str(wait_until(find, seconds=seconds, what=f"a text with {pattern}"))

    @property
    def code(self) -> str:
        """The six digits of the newest text with a code."""
        return self.newest(r"(?<![0-9])[0-9]{6}(?![0-9])")

    @property
    def link(self) -> str:
        """The link of the newest text with one."""
        return self.newest(r"https?://\S+/confirm/\S+")


def open_window(page: Page, product: str = "melody/night-walk") -> None:
    """From the shop to the payment window."""
    page.goto(f"/shop/{product}/")
    page.locator(f'form[action$="/{product}/buy/"] button').first.click()
    page.wait_for_url("**/pay/**")


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


def type_code(page: Page, code: str) -> None:
    """Type the code and press the button that charges."""
    page.fill("[name=code]", code)
    page.get_by_role("button", name=re.compile("결제 확정")).click()


def pay(page: Page, phone: Phone, product: str = "melody/night-walk") -> str:
    """The whole of it; returns the payment's reference."""
    open_window(page, product)
    submit_line(page, phone)
    page.wait_for_selector("[name=code]")
    type_code(page, phone.code)
    expect(page.get_by_role("heading", name=DONE)).to_be_visible()
    return reference(page)


def reference(page: Page) -> str:
    """The payment's number on the page."""
    found = re.search(r"PB-\w{4}-\w{4}", page.locator("main").inner_text())
    assert found
    return found.group()


def ask_to_cancel(page: Page) -> str:
    """From the receipt to the tracking page; returns the request's number."""
    page.locator("#step").get_by_role("link", name="결제 취소 요청").click()
    page.get_by_label("단순 변심").check()
    page.get_by_role("button", name="취소 요청하기").click()
    page.wait_for_url("**/support/track/**")
    found = re.search(r"C-\d+", page.locator("body").inner_text())
    assert found
    return found.group()


def sign_in(browser: Browser, stack: Stack, email: str) -> Page:
    """A desktop with somebody signed in."""
    context = browser.new_context(
        base_url=stack.portal, viewport={"width": 1280, "height": 850}, locale="ko-KR"
    )
    page = context.new_page()
    page.goto("/merchant/login/")
    page.fill("[name=username]", email)
    page.fill("[name=password]", PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(lambda url: "login" not in url)
    return page


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
