"""People in front of a running portal, and what can be seen from outside: books, phones, rows."""

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg

from tests import phones
from tests.stack import Stack

# How messages are told apart: the words of templates/messages.
RECEIPT = "휴대폰결제 완료"
REFUNDED = "취소가 끝났습니다"
REVERSED = "결제는 이루어지지 않았습니다"

# Everything that says when a row is looked at next. Windows and codes keep their end.
_CLOCKS = {
    "payments_payment": ("check_at",),
    "payments_refund": ("due_at", "lease_expires_at"),
    "payments_message": ("due_at", "lease_expires_at"),
    "payments_outboxevent": ("due_at", "lease_expires_at"),
    "payments_carriercall": ("sent_at",),
}


class Shopper:
    """One browser without JavaScript and one phone of its own."""

    def __init__(self, stack: Stack, last4: str) -> None:
        self.stack = stack
        self.last4 = last4
        self.window = ""
        self._client = httpx2.Client(
            base_url=stack.portal, follow_redirects=True, timeout=30, trust_env=False
        )

    @property
    def token(self) -> str:
        return self.window.split("/")[2]

    @property
    def email(self) -> str:
        return f"shopper{self.last4}@mail.test"

    @property
    def state(self) -> str:
        return str(rows(self.stack, "SELECT state FROM payments_payment WHERE token = %s", self))

    def buy(self) -> None:
        """From the shop into the window."""
        self.window = "/shop/melody/night-walk/"
        page = self._post("/shop/melody/night-walk/buy/", {})
        self.window = page.url.path

    def identify(self) -> httpx2.Response:
        """Carrier, phone, birthdate, consents."""
        return self._post(
            self.window,
            {
                "carrier": "SKT",
                "phone": f"010-9000-{self.last4}",
                "birthdate": "19900131",
                "email": self.email,
                "agree_billing": "on",
                "agree_privacy": "on",
                "agree_third_party": "on",
            },
        )

    def confirm(self) -> httpx2.Response:
        """Type the code from the phone."""
        return self._post(f"{self.window}code/", {"code": self.codes()[0]})

    def pay(self) -> "Shopper":
        """All of it."""
        self.buy()
        self.identify()
        self.confirm()
        assert self.state == "PAID"
        return self

    def texts(self) -> list[str]:
        """What this phone has received, newest first."""
        return phones.texts(self.stack.sandbox, self.last4)

    def codes(self) -> list[str]:
        """The operator's codes, newest first."""
        return [found[1] for text in self.texts() if (found := re.search(r"번호 (\d{6})", text))]

    def got(self, words: str) -> int:
        """How many texts with these words."""
        return sum(words in text for text in self.texts())

    def mails(self) -> int:
        """How many mails have arrived."""
        return len(httpx2.get(f"{self.stack.sandbox}/mail/{self.email}/?format=json").json())

    def _post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        page = self._client.get(self.window)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert found is not None, f"no form at {page.url}: {page.status_code}"
        return self._client.post(path, data={**form, "csrfmiddlewaretoken": found[1]})


def in_background(step: Any) -> threading.Thread:
    """Run a request whose answer never comes: its server is killed meanwhile."""

    def run() -> None:
        try:
            step()
        except httpx2.HTTPError:
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def rows(stack: Stack, query: str, shopper: Shopper | None = None) -> Any:
    """The first column of the first row of our database."""
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        found = connection.execute(query, [shopper.token] if shopper else None).fetchone()
        return found[0] if found else None


def schedule_refunds(stack: Stack, *shoppers: Shopper) -> None:
    """What an agent's approval does, for several payments at once."""
    tokens = [shopper.token for shopper in shoppers]
    stack.manage(
        "shell",
        "-c",
        "from django.utils import timezone\n"
        "from payments import refunds\n"
        "from payments.models import Payment\n"
        f"for payment in Payment.objects.filter(token__in={tokens!r}):\n"
        "    refunds.request(payment_id=payment.pk, amount_won=payment.amount_won,\n"
        "        expected_remaining_won=payment.amount_won, reason='test', by='agent',\n"
        "        now=timezone.now())\n",
    )


def call_task(stack: Stack, name: str, **arguments: str) -> None:
    """Put a task into the worker's queue."""
    order = f"from portal.celery import app; app.send_task({name!r}, kwargs={arguments!r})"
    stack.manage("shell", "-c", order)


def let_pass(stack: Stack, *, seconds: int) -> None:
    """Move the rows' clocks on, which is all that waiting would do to them.

    Leases last a minute; only to be called when whoever held them is dead.
    """
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        for table, columns in _CLOCKS.items():
            moved = ", ".join(f"{name} = {name} - interval '{seconds} s'" for name in columns)
            connection.execute(f"UPDATE {table} SET {moved}")


def fault(stack: Stack, **order: object) -> None:
    """Make the operator misbehave."""
    _operator(stack, "POST", "/control/faults", json=order)


@contextlib.contextmanager
def unable(stack: Stack, operation: str, last4: str) -> Iterator[None]:
    """The operator cannot do this for one line until the block ends."""
    fault(stack, operation=operation, mode="error_503", times=9_999, phone=f"+82109000{last4}")
    try:
        yield
    finally:
        behave(stack)


def behave(stack: Stack) -> None:
    """End every misbehaviour and every outage of the operator."""
    _operator(stack, "DELETE", "/control/faults")


def books(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """The operator's own books."""
    return dict(_operator(stack, "GET", "/books").json())


def booked_won(stack: Stack, reference: str | None = None) -> int:
    """Charged less refunded, of everything or one payment, by the operator's books."""
    ours = [
        charge
        for charge in books(stack)["charges"]
        if charge["status"] == "succeeded" and reference in (None, charge["reference"])
    ]
    ids = {charge["payment_id"] for charge in ours}
    back = [
        refund["amount_won"]
        for refund in books(stack)["refunds"]
        if refund["status"] == "succeeded" and refund["payment_id"] in ids
    ]
    return int(sum(charge["amount_won"] for charge in ours) - sum(back))


def _operator(stack: Stack, method: str, path: str, **options: Any) -> httpx2.Response:
    answer = httpx2.request(
        method,
        f"{stack.operator_api}{path}",
        headers={"Authorization": f"Bearer {stack.operator_token}"},
        **options,
    )
    return answer.raise_for_status()
