"""A new limit or fee begins now or later, says why, and leaves the past alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import terms
from payments.limits import Scope
from payments.models import FeeTerm, LimitTerm
from payments.terms import UnfitTerm
from support.models import AuditEntry
from tests.portal import histories

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def limit(scope: Scope = Scope.LINE_MONTH, **changes: Any) -> LimitTerm:
    facts: dict[str, Any] = {
        "merchant": None,
        "amount_won": 500_000,
        "valid_from": NOW + timedelta(days=1),
        "source": "2026-11 통신사 공문",
        "by": "boss",
        "now": NOW,
    }
    return terms.add_limit(scope=scope, **(facts | changes))


def fee(**changes: Any) -> FeeTerm:
    facts: dict[str, Any] = {
        "category": "",
        "fee_bps": 650,
        "valid_from": None,
        "source": "계약서",
        "by": "boss",
        "now": NOW,
    }
    return terms.add_fee(**(facts | changes))


def refused(call: Any, **changes: Any) -> str:
    with pytest.raises(UnfitTerm) as caught:
        call(**changes)
    return caught.value.code


def test_a_limit_begins_at_its_moment_and_is_on_the_trail() -> None:
    term = limit()

    shop = histories.shop("melody")
    usual = {Scope.LINE_MONTH: 1_000_000}
    assert LimitTerm.in_force(usual, merchant=shop, at=NOW) == usual
    later: datetime = term.valid_from
    assert LimitTerm.in_force(usual, merchant=shop, at=later) == {Scope.LINE_MONTH: 500_000}
    assert AuditEntry.objects.get().subject == f"limitterm:{term.pk} limit.add"


def test_without_a_moment_a_term_begins_now() -> None:
    assert limit(valid_from=None).valid_from == NOW
    assert fee(merchant=histories.shop("melody")).valid_from == NOW


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"valid_from": NOW - timedelta(seconds=1)}, "IN_THE_PAST"),
        ({"source": " "}, "SOURCE_MISSING"),
        ({"amount_won": -1}, "NEGATIVE"),
        ({"scope": Scope.PAYMENT_MAX, "amount_won": 1_000_001}, "TOO_MUCH"),
        ({"scope": Scope.LINE_GOODS}, "GOODS"),
        ({"goods": "GAME_ITEM"}, "GOODS"),
    ],
)
def test_an_unfit_limit_is_not_written(changes: dict[str, Any], code: str) -> None:
    before = LimitTerm.objects.count()

    assert refused(limit, **changes) == code
    assert LimitTerm.objects.count() == before


def test_the_least_amount_stays_below_the_most() -> None:
    limit(Scope.PAYMENT_MAX, amount_won=20_000)

    assert refused(limit, scope=Scope.PAYMENT_MIN, amount_won=20_001) == "CROSSED"
    limit(Scope.PAYMENT_MIN, amount_won=20_000)


def test_two_terms_do_not_begin_at_once() -> None:
    limit()

    assert refused(limit) == "THERE_ALREADY"


def test_an_unfit_fee_is_not_written() -> None:
    shop = histories.shop("melody")

    assert refused(fee, merchant=shop, fee_bps=5_001) == "TOO_MUCH"
    assert refused(fee, merchant=shop, valid_from=NOW - timedelta(days=1)) == "IN_THE_PAST"
    assert not FeeTerm.objects.exists()
