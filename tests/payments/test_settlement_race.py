"""Many close the same period at once on real PostgreSQL; and the same without what forbids it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection

from payments import settlement
from payments.models import Settlement, SettlementHold, SettlementLine, SettlementTerms
from payments.settlement import closing
from tests.payments.test_checkout import outcomes_of
from tests.payments.test_settlement import DECEMBER, merchant, sale

pytestmark = pytest.mark.django_db(transaction=True)
UNIQUE = {
    "payments_settlement": "settlement_once",
    "payments_settlementline": "payments_settlementline_transaction_id_key",
}


@pytest.fixture
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time between looking and writing, so that everybody looks before anybody writes."""
    real = closing._balance

    def balance(shop: Any) -> int:
        time.sleep(0.3)
        return real(shop)

    monkeypatch.setattr(closing, "_balance", balance)


def close_at_once(shop: Any) -> Counter[str]:
    return outcomes_of(4, lambda: settlement.close_next(shop.pk, now=DECEMBER))


@pytest.mark.usefixtures("_slow")
def test_closing_at_once_closes_once() -> None:
    shop = merchant()
    payments = [sale(shop) for _ in range(3)]

    outcomes = close_at_once(shop)

    assert outcomes == {"ok": 4}
    assert Settlement.objects.count() == 1
    assert SettlementLine.objects.count() == len(payments)


@pytest.mark.usefixtures("_slow")
def test_without_the_lock_the_database_still_refuses_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = merchant()
    sale(shop)
    monkeypatch.setattr(closing, "locked_terms", _unlocked)

    outcomes = close_at_once(shop)

    assert outcomes == {"ok": 1, "IntegrityError": 3}
    assert Settlement.objects.count() == 1


@pytest.mark.usefixtures("_slow")
def test_without_lock_and_uniqueness_it_is_settled_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: the race is there, and this test would see it."""
    shop = merchant()
    sale(shop)
    monkeypatch.setattr(closing, "locked_terms", _unlocked)

    def close() -> None:
        close_at_once(shop)
        assert Settlement.objects.count() > 1

    _without_uniqueness(close)


def test_a_hold_and_a_closing_at_once_never_settle_a_held_payment() -> None:
    for _ in range(5):
        SettlementTerms.objects.all().delete()
        shop = _fresh_shop()
        payment = sale(shop)
        steps = iter([partial(settlement.close_next, shop.pk), partial(_hold, payment.pk)])

        assert outcomes_of(2, partial(_one_of, steps)) == {"ok": 2}

        held = SettlementHold.objects.get(payment=payment)
        settled = Settlement.objects.filter(merchant=shop).first()
        if settled is None:
            assert held.withheld_won == 0
        else:
            assert held.withheld_won == settled.net_won
            assert settled.payout.state == "CANCELED"


def _one_of(steps: Iterator[Callable[..., object]]) -> None:
    next(steps)(now=DECEMBER)


def _hold(payment_id: int, *, now: datetime) -> None:
    settlement.hold(payment_id, reason="이의신청", by="agent", now=now)


def _fresh_shop() -> Any:
    from payments.models import Merchant

    Merchant.objects.filter(slug="melody").update(slug=f"old{time.monotonic_ns()}")
    return merchant()


def _unlocked(merchant_id: int) -> SettlementTerms:
    return SettlementTerms.objects.select_related("merchant").get(merchant_id=merchant_id)


def _without_uniqueness(step: Callable[[], None]) -> None:
    with connection.cursor() as cursor:
        definitions = {}
        for table, name in UNIQUE.items():
            cursor.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]
            )
            definitions[table] = cursor.fetchone()[0]
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        try:
            step()
        finally:
            cursor.execute("TRUNCATE payments_settlement CASCADE")
            for table, name in UNIQUE.items():
                cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definitions[table]}")
