"""A person ends a payment in REVIEW: as the operator says, or by having it take the charge back."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.utils import timezone

from payments import checkout, decisions, watching
from payments.carriers import registry
from payments.carriers.base import OutcomeUnknown, PaymentStatus, RefundStatus, Unreachable
from payments.carriers.camara import Camara
from payments.checkout import ChangedMeanwhile, NotPossible, Way, WrongStep, reviewing
from payments.checkout.resolving import REVIEW_AFTER
from payments.models import Alert, LedgerEntry, LimitHold, OutboxEvent, Payment
from payments.states import PaymentState
from support.models import AuditEntry
from tests import factories
from tests.payments.test_refunds import ledger_is_zero

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "통신사 담당자와 통화해 확인"
BOSS = "operator@desk.test"


def in_review(operator: Any, *, is_charged: bool = True, amount_won: int = 2_200) -> Payment:
    """A payment of unknown end for 50 minutes; what the operator did stands in its own books."""
    real = Camara.confirm

    def lost(self: Camara, carrier_payment_id: str, phone: str) -> PaymentStatus:
        if is_charged:
            real(self, carrier_payment_id, phone)
        raise OutcomeUnknown("ReadTimeout")

    def nothing(*_: Any) -> None:
        raise Unreachable("ReadTimeout")

    payment = factories.awaiting("0000", amount_won)
    code = factories.texted_code(operator.base_url, "0000")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Camara, "confirm", lost)
        patch.setattr(Camara, "retrieve", nothing)
        checkout.confirm_with_code(payment.pk, code, now=timezone.now())
        long_ago = timezone.now() - REVIEW_AFTER
        Payment.objects.filter(pk=payment.pk).update(unknown_at=long_ago, check_at=timezone.now())
        checkout.resolve_due(now=timezone.now())
    payment.refresh_from_db()
    assert payment.state == PaymentState.REVIEW
    return payment


def asked(payment: Payment) -> reviewing.Said:
    return reviewing.ask(payment.pk, by=BOSS, now=timezone.now())


def decide(payment: Payment, way: Way, *, seen: str | None = None, by: str = BOSS) -> Payment:
    return reviewing.decide(
        payment.pk,
        way,
        seen=reviewing.version(payment) if seen is None else seen,
        reason=WHY,
        by=by,
        now=timezone.now(),
    )


def adapter(payment: Payment) -> Any:
    return registry.adapter(payment.carrier)


def net_charged(operator: Any, payment: Payment) -> int:
    """What the line is charged for it in the operator's own books, refunds off."""
    books = httpx2.get(
        f"{operator.base_url}/books",
        params={"reference": payment.reference},
        headers={"Authorization": f"Bearer {settings.CARRIER_API_TOKEN}"},
    ).json()
    charged = sum(one["amount_won"] for one in books["charges"] if one["status"] == "succeeded")
    back = sum(one["amount_won"] for one in books["refunds"] if one["status"] == "succeeded")
    return int(charged - back)


def events_of(payment: Payment) -> list[str]:
    rows = OutboxEvent.objects.filter(subject_id=payment.pk, kind__startswith="payment.")
    return list(rows.order_by("pk").values_list("kind", flat=True))


def test_asking_writes_a_call_with_its_answer_and_moves_nothing(operator: Any) -> None:
    payment = in_review(operator)

    heard = asked(payment)

    assert (heard.status, heard.amount_won) == ("succeeded", 2_200)
    call = payment.calls.filter(kind="QUERY").latest("pk")
    assert (call.state, call.answer) == ("OK", "succeeded 2200")
    payment.refresh_from_db()
    assert payment.state == PaymentState.REVIEW
    assert AuditEntry.objects.get().subject == f"payment:{payment.pk} review.ask"


def test_asking_leaves_its_intent_behind_when_the_process_dies(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = in_review(operator)

    def die(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(Camara, "retrieve", die)
    with pytest.raises(SystemExit):
        asked(payment)

    assert payment.calls.filter(kind="QUERY").latest("pk").state == "SENT"


def test_adopting_a_charge_makes_the_payment_paid_with_its_posting(operator: Any) -> None:
    payment = in_review(operator)
    watching.look(now=timezone.now())
    asked(payment)

    decided = decide(payment, Way.ADOPT)

    assert decided.state == PaymentState.PAID
    entry = LedgerEntry.objects.get(transaction__payment=payment, account="CARRIER_RECEIVABLE")
    assert entry.amount_won == 2_200
    assert ledger_is_zero()
    assert events_of(payment)[-1] == "payment.paid"
    last = payment.events.latest("pk")
    assert (last.actor, last.reason) == (BOSS, WHY)
    alert = Alert.objects.get(kind="REVIEW", ref=f"payment:{payment.pk}")
    assert (alert.closed_by, alert.resolution) == (BOSS, WHY)
    assert AuditEntry.objects.latest("pk").subject == f"payment:{payment.pk} review.adopt"
    assert payment.calls.get(kind="CONFIRM").state == "RESOLVED"


def test_adopting_no_charge_takes_the_payment_back_and_frees_its_limit(operator: Any) -> None:
    payment = in_review(operator, is_charged=False)
    adapter(payment).cancel(payment.carrier_payment_id, payment.phone)
    asked(payment)

    decided = decide(payment, Way.ADOPT)

    assert decided.state == PaymentState.REVERSED
    assert not LedgerEntry.objects.exists()
    assert not LimitHold.objects.exists()
    assert events_of(payment)[-1] == "payment.reversed"


def test_reversing_a_charge_gives_it_back_at_the_operator(operator: Any) -> None:
    payment = in_review(operator)
    asked(payment)

    decided = decide(payment, Way.REVERSE)

    assert decided.state == PaymentState.REVERSED
    assert net_charged(operator, payment) == 0
    assert not LedgerEntry.objects.exists()
    assert payment.calls.get(kind="REVERSE").state == "OK"
    assert events_of(payment)[-1] == "payment.reversed"


def test_reversing_a_reservation_drops_it(operator: Any) -> None:
    payment = in_review(operator, is_charged=False)
    assert asked(payment).status in {"reserved", "pending_validation"}

    assert decide(payment, Way.REVERSE).state == PaymentState.REVERSED

    assert adapter(payment).retrieve(payment.carrier_payment_id).status == "cancelled"


def test_a_reversal_whose_answer_is_lost_is_sent_again_as_the_same_one(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = in_review(operator)
    asked(payment)
    real = Camara.refund

    def lost(self: Camara, *args: str) -> RefundStatus:
        real(self, *args)
        raise OutcomeUnknown("ReadTimeout")

    monkeypatch.setattr(Camara, "refund", lost)
    with pytest.raises(NotPossible) as caught:
        decide(payment, Way.REVERSE)
    assert caught.value.code == "NO_ANSWER"
    payment.refresh_from_db()
    assert payment.state == PaymentState.REVIEW
    # What was taken back may not be adopted as a sale, whatever the charge itself says.
    with pytest.raises(NotPossible) as caught:
        decide(payment, Way.ADOPT)
    assert caught.value.code == "REVERSING"

    assert decide(payment, Way.REVERSE).state == PaymentState.REVERSED

    assert payment.calls.filter(kind="REVERSE").count() == 1
    assert net_charged(operator, payment) == 0


def test_nothing_is_decided_without_an_answer(operator: Any) -> None:
    payment = in_review(operator)

    for way in Way:
        with pytest.raises(NotPossible) as caught:
            decide(payment, way)
        assert caught.value.code == "NO_ANSWER"


def test_nothing_is_decided_when_the_operator_falls_silent_again(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = in_review(operator)
    asked(payment)

    def nothing(*_: Any) -> None:
        raise Unreachable("ConnectError")

    monkeypatch.setattr(Camara, "retrieve", nothing)
    for way in (Way.REVERSE, Way.ADOPT):
        with pytest.raises(NotPossible) as caught:
            decide(payment, way)
        assert caught.value.code == "NO_ANSWER"

    payment.refresh_from_db()
    assert payment.state == PaymentState.REVIEW
    assert payment.calls.get(kind="REVERSE").state == "SKIPPED"


def test_another_amount_can_only_be_reversed(operator: Any) -> None:
    payment = in_review(operator)
    Payment.objects.filter(pk=payment.pk).update(amount_won=2_100)
    payment.refresh_from_db()
    asked(payment)

    with pytest.raises(NotPossible) as caught:
        decide(payment, Way.ADOPT)
    assert caught.value.code == "OTHER_AMOUNT"

    assert decide(payment, Way.REVERSE).state == PaymentState.REVERSED
    assert net_charged(operator, payment) == 0


def test_adopting_does_nothing_when_the_operator_says_something_else_by_now(operator: Any) -> None:
    payment = in_review(operator, is_charged=False)
    asked(payment)
    adapter(payment).cancel(payment.carrier_payment_id, payment.phone)
    asked(payment)
    seen = reviewing.version(payment)

    with pytest.MonkeyPatch.context() as patch:
        found = PaymentStatus(payment.carrier_payment_id, "succeeded", 2_200, "", "", None)
        patch.setattr(Camara, "retrieve", lambda *_: found)
        with pytest.raises(ChangedMeanwhile):
            decide(payment, Way.ADOPT, seen=seen)

    payment.refresh_from_db()
    assert payment.state == PaymentState.REVIEW


def test_of_two_who_saw_the_same_case_only_the_first_decides(operator: Any) -> None:
    payment = in_review(operator)
    asked(payment)
    seen = reviewing.version(payment)

    asked(payment)
    with pytest.raises(ChangedMeanwhile):
        decide(payment, Way.ADOPT, seen=seen)
    decide(payment, Way.ADOPT)
    with pytest.raises(WrongStep):
        decide(payment, Way.REVERSE, seen=seen)

    payment.refresh_from_db()
    assert payment.state == PaymentState.PAID


def test_a_month_that_closed_cannot_be_reversed(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = in_review(operator)
    asked(payment)
    monkeypatch.setattr(Camara, "refund", lambda *_: pytest.fail("sent outside its month"))

    with pytest.raises(NotPossible) as caught:
        reviewing.decide(
            payment.pk,
            Way.REVERSE,
            seen=reviewing.version(payment),
            reason=WHY,
            by=BOSS,
            now=timezone.now() + timedelta(days=40),
        )

    assert caught.value.code == "MONTH_CLOSED"
    assert reviewing.hindrance(payment, Way.ADOPT) is None


def test_a_decision_needs_a_reason(operator: Any) -> None:
    payment = in_review(operator)
    asked(payment)

    with pytest.raises(decisions.ReasonMissing):
        reviewing.decide(
            payment.pk,
            Way.ADOPT,
            seen=reviewing.version(payment),
            reason=" ",
            by=BOSS,
            now=timezone.now(),
        )


def test_above_the_limit_it_takes_two_people(operator: Any, settings: Any) -> None:
    settings.DECIDED_ALONE_MAX_WON = 2_000
    payment = in_review(operator)
    asked(payment)

    assert decide(payment, Way.ADOPT).state == PaymentState.REVIEW
    with pytest.raises(decisions.SamePerson):
        decide(payment, Way.ADOPT)
    assert decide(payment, Way.ADOPT, by="second@desk.test").state == PaymentState.PAID
