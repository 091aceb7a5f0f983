"""Payments and refunds written straight into the books, at any moment, without an operator."""

import secrets
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction

from payments.models import Account, LedgerTransaction, Merchant, Payment, Refund
from payments.models.ledger import Line
from payments.money import fee_for
from portal.models import User

PASSWORD = "long-enough-Passw0rd"


def shop(slug: str) -> Merchant:
    return Merchant.objects.create(
        slug=slug, name=f"상점 {slug}", phone="02-555-0100", email=f"help@{slug}.test"
    )


def owner(merchant: Merchant) -> User:
    return User.objects.create_user(f"owner@{merchant.slug}.test", PASSWORD, merchant=merchant)


def payment(merchant: Merchant, *, at: datetime, state: str = "PAID", **fields: Any) -> Payment:
    paid = {"paid_at": at, "billing_month": "2026-11"} if state == "PAID" else {}
    values: dict[str, Any] = {
        "order_no": secrets.token_hex(8),
        "item_name": "밤 산책",
        "amount_won": 2_200,
        "carrier": "SKT",
        "phone_last4": "0000",
        **paid,
        **fields,
    }
    return Payment.objects.create(
        merchant=merchant,
        state=state,
        created_at=at,
        expires_at=at + timedelta(minutes=10),
        **values,
    )


@transaction.atomic
def sale(merchant: Merchant, *, at: datetime, amount_won: int = 2_200, **fields: Any) -> Payment:
    row = payment(merchant, at=at, amount_won=amount_won, **fields)
    LedgerTransaction.post(
        LedgerTransaction.Kind.PAID, _lines(merchant, amount_won), payment=row, at=at
    )
    return row


@transaction.atomic
def refund(row: Payment, *, at: datetime, route: str = "CARRIER") -> Refund:
    back = Refund.objects.create(
        payment=row,
        merchant=row.merchant,
        amount_won=row.amount_won,
        route=route,
        state="SUCCEEDED",
        requested_by="agent",
        requested_at=at,
        confirmed_at=at,
    )
    kinds = LedgerTransaction.Kind
    lines = [Line(line.account, -line.amount_won) for line in _lines(row.merchant, row.amount_won)]
    if route == "CARRIER":
        LedgerTransaction.post(kinds.CARRIER_CANCEL, lines, payment=row, refund=back, at=at)
        return back
    lines[0] = Line(Account.REFUND_CLEARING, lines[0].amount_won)
    LedgerTransaction.post(kinds.BANK_REFUND, lines, payment=row, refund=back, at=at)
    settled = [
        Line(Account.REFUND_CLEARING, row.amount_won),
        Line(Account.BANK, -row.amount_won),
    ]
    LedgerTransaction.post(kinds.BANK_SETTLED, settled, payment=row, refund=back, at=at)
    return back


def random_history(merchant: Merchant, *, first: datetime, days: int, seed: int) -> None:
    """Sales of any price at any second, a third of them given back some time later."""
    chance = Random(seed)
    for _ in range(40):
        at = first + timedelta(seconds=chance.randrange(days * 86_400))
        sold = sale(merchant, at=at, amount_won=chance.randrange(1_000, 30_001))
        if chance.random() < 0.35:
            later = at + timedelta(seconds=chance.randrange(10 * 86_400))
            refund(sold, at=later, route=chance.choice(["CARRIER", "BANK"]))


def _lines(merchant: Merchant, amount_won: int) -> list[Line]:
    fee = fee_for(amount_won, merchant.fee_bps)
    return [
        Line(Account.CARRIER_RECEIVABLE, amount_won),
        Line(Account.MERCHANT_PAYABLE, -(amount_won - fee.total_won)),
        Line(Account.FEE_REVENUE, -fee.fee_won),
        Line(Account.VAT_PAYABLE, -fee.fee_vat_won),
    ]
