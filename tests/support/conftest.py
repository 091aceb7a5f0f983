"""A paid payment, its shopper, an agent and a stranger, on a fixed clock."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction

from payments.calendar import SEOUL, billing_month
from payments.models import Account, LedgerTransaction, Merchant, Payment
from payments.models.ledger import Line
from payments.money import fee_for
from payments.states import PaymentState
from portal.models import User
from support.models import Ticket
from tests.support.factories import PHONE, open_ticket


@pytest.fixture
def merchant(db: None) -> Merchant:
    return Merchant.objects.create(
        slug="tune", name="멜로디 뮤직", phone="02-555-0100", email="owner@tune.test"
    )


@pytest.fixture
def pay(merchant: Merchant) -> Callable[..., Payment]:
    """Makes paid payments, with the posting a payment has."""

    def make(
        *,
        phone: str = PHONE,
        at: datetime = datetime(2026, 11, 23, 14, 5, tzinfo=SEOUL),
        item_name: str = "밤 산책",
        email: str = "",
    ) -> Payment:
        payment = Payment(
            merchant=merchant,
            order_no=f"order-{Payment.objects.count()}",
            item_name=item_name,
            amount_won=2_200,
            created_at=at,
            expires_at=at,
            carrier="SKT",
        )
        payment.set_line(carrier="SKT", phone=phone, birthdate=date(1990, 1, 31), email=email)
        payment.save()
        states = PaymentState
        payment.paid_at, payment.billing_month = at, billing_month(at)
        for state in (states.AWAITING_CONFIRMATION, states.CONFIRMING, states.PAID):
            payment.move_to(state, at=at, by="test")
        fee = fee_for(payment.amount_won, merchant.fee_bps)
        with transaction.atomic():
            LedgerTransaction.post(
                LedgerTransaction.Kind.PAID,
                [
                    Line(Account.CARRIER_RECEIVABLE, payment.amount_won),
                    Line(Account.MERCHANT_PAYABLE, -(payment.amount_won - fee.total_won)),
                    Line(Account.FEE_REVENUE, -fee.fee_won),
                    Line(Account.VAT_PAYABLE, -fee.fee_vat_won),
                ],
                payment=payment,
                at=at,
            )
        return payment

    return make


@pytest.fixture
def payment(pay: Callable[..., Payment]) -> Payment:
    return pay()


@pytest.fixture
def ticket(payment: Payment) -> Ticket:
    return open_ticket(payment)


@pytest.fixture
def agent(db: None) -> User:
    user = User.objects.create_user("agent@desk.test", "demo-only-Passw0rd", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="support", codename__in=["view_ticket", "change_ticket"]
        )
    )
    return user
