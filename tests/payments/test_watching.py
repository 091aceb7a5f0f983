"""What needs a person calls one, once; what went on by itself calls nobody any more."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import decisions, watching
from payments.models import Alert, Payout, PayoutEvent, Refund, RefundEvent, Settlement
from payments.states import RefundState
from support.models import AuditEntry
from tests.portal import histories

pytestmark = pytest.mark.django_db
NOW = timezone.now()
BOSS = "operator@desk.test"


def refund(state: str = "FAILED", *, since: Any = NOW) -> Refund:
    """A refund that came to this state."""
    sold = histories.sale(histories.shop(f"shop{Refund.objects.count()}"), at=NOW)
    row = histories.refund(sold, at=NOW)
    Refund.objects.filter(pk=row.pk).update(state=state, failure_code="UNMAPPED", due_at=NOW)
    RefundEvent.objects.create(
        refund=row, from_state="SENDING", to_state=state, actor="worker", occurred_at=since
    )
    row.refresh_from_db()
    return row


def alerts() -> list[tuple[str, str, bool]]:
    rows = Alert.objects.order_by("pk")
    return [(row.kind, row.ref, row.closed_at is None) for row in rows]


def test_a_failed_refund_calls_a_person_once() -> None:
    row = refund()

    for _ in range(2):
        watching.look(now=NOW)

    assert alerts() == [("REFUND_FAILED", f"refund:{row.pk}", True)]


def test_a_payment_in_review_calls_a_person() -> None:
    sold = histories.payment(histories.shop("melody"), at=NOW, state="REVIEW")
    sold.events.create(from_state="UNKNOWN", to_state="REVIEW", actor="x", occurred_at=NOW)

    watching.look(now=NOW)

    assert alerts() == [("REVIEW", f"payment:{sold.pk}", True)]
    assert Alert.objects.get().detail == sold.reference


@pytest.mark.parametrize(("minutes", "count"), [(29, 0), (31, 1)])
def test_a_refund_without_an_answer_calls_a_person_after_a_while(minutes: int, count: int) -> None:
    refund("UNKNOWN", since=NOW - timedelta(minutes=minutes))

    assert watching.look(now=NOW) == count
    assert watching.look(now=NOW) == 0


def test_what_went_on_by_itself_closes_its_alert() -> None:
    row = refund("UNKNOWN", since=NOW - timedelta(hours=1))
    watching.look(now=NOW)
    Refund.objects.filter(pk=row.pk).update(state=RefundState.SUCCEEDED)

    watching.look(now=NOW)

    alert = Alert.objects.get()
    assert (alert.closed_by, alert.resolution) == ("worker", Alert.SETTLED)


def test_a_second_failure_calls_again_but_a_closed_one_does_not() -> None:
    row = refund()
    watching.look(now=NOW)
    watching.close(Alert.objects.get().pk, resolution="전화로 처리", by=BOSS, now=NOW)
    assert watching.look(now=NOW) == 0

    later = NOW + timedelta(hours=1)
    RefundEvent.objects.create(
        refund=row, from_state="SENDING", to_state="FAILED", actor="worker", occurred_at=later
    )

    assert watching.look(now=later) == 1


def test_a_failed_payout_calls_a_person() -> None:
    shop = histories.shop("melody")
    period = {"first": NOW.date(), "last": NOW.date(), "closed_at": NOW}
    names = [field.name for field in Settlement._meta.fields if field.name.endswith("_won")]
    figures = dict.fromkeys(names, 0)
    settlement = Settlement.objects.create(merchant=shop, **period, **figures)
    payout = Payout.objects.create(
        settlement=settlement, merchant=shop, amount_won=1, state="FAILED", due_at=NOW
    )
    PayoutEvent.objects.create(
        payout=payout, from_state="SENDING", to_state="FAILED", actor="w", occurred_at=NOW
    )

    watching.look(now=NOW)

    assert alerts() == [("PAYOUT_FAILED", f"payout:{payout.pk}", True)]


def test_closing_needs_words_and_happens_once() -> None:
    Alert.note(Alert.Kind.GIVEN_UP, ref="event:1", detail="", at=NOW)
    alert = Alert.objects.get()

    with pytest.raises(decisions.ReasonMissing):
        watching.close(alert.pk, resolution=" ", by=BOSS, now=NOW)
    watching.close(alert.pk, resolution="다시 보냄", by=BOSS, now=NOW)
    with pytest.raises(watching.AlreadyClosed):
        watching.close(alert.pk, resolution="다시 보냄", by=BOSS, now=NOW)

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.reason) == (BOSS, "DECIDED", "다시 보냄")


def test_words_alone_do_not_close_a_payment_in_review() -> None:
    Alert.note(Alert.Kind.REVIEW, ref="payment:1", detail="", at=NOW)

    with pytest.raises(watching.StillOpen):
        watching.close(Alert.objects.get().pk, resolution="괜찮아 보임", by=BOSS, now=NOW)


def test_an_alert_is_taken_and_given_on() -> None:
    Alert.note(Alert.Kind.GIVEN_UP, ref="event:1", detail="", at=NOW)
    alert = Alert.objects.get()

    assert watching.take(alert.pk, by=BOSS).owner == BOSS
    assert watching.give(alert.pk, to="b@desk.test", by=BOSS, now=NOW).owner == "b@desk.test"


def test_a_row_that_was_put_right_closes_whatever_was_open_about_it() -> None:
    Alert.note(Alert.Kind.REFUND_FAILED, ref="refund:1", detail="", at=NOW)
    Alert.note(Alert.Kind.REFUND_UNKNOWN, ref="refund:1", detail="", at=NOW)
    Alert.note(Alert.Kind.REFUND_FAILED, ref="refund:11", detail="", at=NOW)

    Alert.settle("refund:1", resolution="다시 보냄", by=BOSS, at=NOW)

    assert list(Alert.objects.filter(closed_at=None).values_list("ref", flat=True)) == ["refund:11"]
