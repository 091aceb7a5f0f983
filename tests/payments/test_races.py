"""Many at once: a payment is charged once, and a test would notice if it were not."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from payments.checkout import confirming
from payments.models import CarrierCall, CodeChallenge, FeeTerm, LineRules, Payment, moving
from payments.states import PaymentState
from tests import factories
from tests.payments.test_checkout import open_link, outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)
FEW = 10


def reserved(base_url: str) -> Payment:
    """A payment whose link was used: the operator would charge now."""
    payment = factories.awaiting("0000")
    open_link(base_url, "0000")
    return payment


def charge_orders(payment: Payment) -> int:
    """How often the operator was told to charge."""
    return CarrierCall.objects.filter(payment=payment, kind=CarrierCall.Kind.CONFIRM).count()


def storm(payment: Payment, threads: int) -> dict[str, int]:
    """Confirm in many threads at once: link, code, event and resolver all end in this step."""
    return outcomes_of(
        threads, lambda: confirming.confirm(payment.pk, by="link", now=timezone.now())
    )


@pytest.fixture
def _no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody reads the row before anybody writes it."""
    all_have_read = threading.Barrier(FEW, timeout=30)
    mine = threading.local()

    def unlocked(payment_id: int) -> Payment:
        known = {
            "fee_terms": FeeTerm.beside_payment(),
            "has_line_rules": LineRules.beside_payment(),
        }
        row = Payment.objects.select_related("merchant").annotate(**known).get(pk=payment_id)
        if not hasattr(mine, "has_waited"):
            mine.has_waited = True
            all_have_read.wait()
        return row

    monkeypatch.setattr(confirming, "locked", unlocked)


@pytest.fixture
def _no_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    """A move is written whatever state the row is in by then."""

    def careless(row: Any, history: Any, *_: Any) -> bool:
        row.save()
        row.events.add(history, bulk=False)
        return True

    monkeypatch.setattr(moving, "_write", careless)


@pytest.fixture
def _no_constraint() -> Iterator[None]:
    """The database takes any number of charge orders for one payment."""
    [once] = [c for c in CarrierCall._meta.constraints if c.name == "call_one_confirm_per_payment"]
    with connection.schema_editor() as editor:
        editor.remove_constraint(CarrierCall, once)
    yield
    CarrierCall.objects.all().delete()
    with connection.schema_editor() as editor:
        editor.add_constraint(CarrierCall, once)


def test_fifty_parallel_confirmations_by_link_charge_once(operator: Any) -> None:
    payment = reserved(operator.base_url)

    outcomes = storm(payment, 50)

    payment.refresh_from_db()
    assert outcomes == {"ok": 50}
    assert payment.state == PaymentState.PAID
    assert charge_orders(payment) == 1
    assert len(factories.charges(operator.base_url, operator.token, payment.reference)) == 1


@pytest.mark.usefixtures("_no_lock")
def test_the_condition_of_the_move_lets_one_confirmation_through_when_the_lock_is_lost(
    operator: Any,
) -> None:
    payment = reserved(operator.base_url)

    outcomes = storm(payment, FEW)

    assert outcomes["Overtaken"] > 0
    assert charge_orders(payment) == 1


@pytest.mark.usefixtures("_no_lock", "_no_condition")
def test_the_database_alone_lets_one_confirmation_through_when_both_are_lost(
    operator: Any,
) -> None:
    payment = reserved(operator.base_url)

    outcomes = storm(payment, FEW)

    assert outcomes["IntegrityError"] > 0
    assert charge_orders(payment) == 1


@pytest.mark.usefixtures("_no_lock", "_no_condition", "_no_constraint")
def test_the_race_of_confirmations_is_seen_when_nothing_guards_it(operator: Any) -> None:
    """Negative control: with all three off the same storm orders many charges."""
    payment = reserved(operator.base_url)

    storm(payment, FEW)

    assert charge_orders(payment) == FEW


def test_a_hundred_parallel_tries_take_five_and_not_one_more() -> None:
    """The counter alone: the checks do not wait for each other, and the payment stays open."""
    payment = factories.opened()
    now = timezone.now()
    CodeChallenge.objects.create(
        payment=payment, sent_at=now, expires_at=now + timedelta(minutes=3)
    )
    taken: list[bool] = []

    outcomes_of(
        100,
        lambda: taken.append(
            CodeChallenge.take_attempt(
                payment_id=payment.pk, limit=5, until=now - timedelta(seconds=1)
            )
        ),
    )

    assert (len(taken), sum(taken)) == (100, 5)
    assert CodeChallenge.objects.get(payment=payment).attempts == 5
