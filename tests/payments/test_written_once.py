"""Rows about money are written once and add up: the database itself refuses anything else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from payments.models import (
    Account,
    Consent,
    LedgerEntry,
    LedgerTransaction,
    Payment,
    PaymentEvent,
)
from payments.models.ledger import Line
from payments.states import PaymentState
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
KIND = LedgerTransaction.Kind.PAID


@pytest.fixture
def payment() -> Payment:
    """One payment with every kind of row about it, without an operator."""
    payment, now = factories.opened(), timezone.now()
    payment.move_to(PaymentState.DECLINED, at=now, by="test")
    Consent.objects.create(payment=payment, kind="billing", version="1", agreed_at=now)
    with transaction.atomic():
        post(payment, 2_200, -2_200)
    return payment


def post(payment: Payment, debit_won: int, credit_won: int) -> None:
    lines = [
        Line(Account.CARRIER_RECEIVABLE, debit_won),
        Line(Account.MERCHANT_PAYABLE, credit_won),
    ]
    LedgerTransaction.post(KIND, lines, payment=payment, at=timezone.now())


CHANGES: dict[Any, dict[str, Any]] = {
    PaymentEvent: {"actor": "somebody"},
    Consent: {"version": "2"},
    LedgerTransaction: {"kind": "BANK_REFUND"},
    LedgerEntry: {"amount_won": 1},
}


@pytest.mark.parametrize("model", CHANGES)
@pytest.mark.parametrize(
    "change", [lambda rows, fields: rows.update(**fields), lambda rows, _: rows.delete()]
)
def test_a_written_row_is_neither_changed_nor_deleted(
    payment: Payment, model: Any, change: Callable[..., object]
) -> None:
    assert model.objects.exists()
    before = list(model.objects.values())

    with pytest.raises(DatabaseError):
        change(model.objects.all(), CHANGES[model])

    assert list(model.objects.values()) == before


@pytest.mark.parametrize("credit_won", [-2_199, -2_201, 2_200])
def test_a_posting_that_is_off_by_a_won_is_refused(credit_won: int) -> None:
    payment = factories.opened()

    with pytest.raises(IntegrityError), transaction.atomic():
        post(payment, 2_200, credit_won)

    assert not LedgerEntry.objects.exists()


def test_a_charge_is_posted_once(payment: Payment) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        post(payment, 2_200, -2_200)

    assert LedgerTransaction.objects.count() == 1
