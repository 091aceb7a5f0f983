"""Plain functions that bring rows into a state through the real use cases and the operator."""

import re
import secrets
from datetime import date, datetime

import httpx2
from django.utils import timezone

from payments import checkout
from payments.limits import Goods
from payments.models import Merchant, Payment
from tests import phones

BORN = date(1990, 1, 31)


def merchant(slug: str = "melody") -> Merchant:
    """A shop."""
    shop, _ = Merchant.objects.get_or_create(
        slug=slug,
        defaults={"name": "멜로디 뮤직", "phone": "02-555-0100", "email": f"{slug}@shop.test"},
    )
    return shop


def opened(
    amount_won: int = 2_200,
    *,
    shop: Merchant | None = None,
    goods: Goods = Goods.CONTENT,
    now: datetime | None = None,
) -> Payment:
    """A payment window nobody has typed into yet."""
    return checkout.open_payment(
        merchant=shop or merchant(),
        order_no=secrets.token_hex(8),
        item_name="밤 산책 (음원 1곡)",
        amount_won=amount_won,
        goods=goods,
        return_url="/",
        return_label="지금 듣기",
        language="ko",
        now=now or timezone.now(),
    )


def applicant(last4: str, carrier: str = "SKT") -> checkout.Applicant:
    """Somebody with a sandbox line."""
    return checkout.Applicant(carrier=carrier, phone=f"+82109000{last4}", birthdate=BORN)


def awaiting(last4: str, amount_won: int = 2_200) -> Payment:
    """A payment whose code is out."""
    payment = opened(amount_won)
    checkout.submit(payment.pk, applicant(last4), now=timezone.now())
    payment.refresh_from_db()
    return payment


def texted_code(base_url: str, last4: str) -> str:
    """The newest code on a sandbox phone."""
    for text in phones.texts(f"{base_url}/sandbox", last4):
        found = re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", text)
        if found:
            return found.group()
    raise AssertionError("no code on the phone")


def wrong(code: str) -> str:
    """Six digits that are not this code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def paid(base_url: str, last4: str, amount_won: int = 2_200) -> Payment:
    """A payment that was charged."""
    payment = awaiting(last4, amount_won)
    checkout.confirm_with_code(payment.pk, texted_code(base_url, last4), now=timezone.now())
    payment.refresh_from_db()
    assert payment.state == "PAID", payment.failure_code
    return payment


def charges(base_url: str, token: str, reference: str) -> list[dict[str, object]]:
    """What the operator's own books say of one payment."""
    books = httpx2.get(
        f"{base_url}/books",
        params={"reference": reference},
        headers={"Authorization": f"Bearer {token}"},
    ).json()
    return [charge for charge in books["charges"] if charge["status"] == "succeeded"]
