"""What nobody foresaw is shown in safe words to the shopper and raised with us."""

from typing import Any

import pytest
from celery import current_app
from django.utils import timezone

from payments import checkout, outbox
from payments.carriers.base import Declined
from payments.carriers.camara import Camara
from payments.models import Alert, OutboxEvent
from payments.states import PaymentState
from tests import factories
from tests.payments.test_refunds import asked, work

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "XK-77 tarif ineligible"


def refuse_oddly(monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """An operator that says no in words nobody mapped."""

    def odd(*_: Any) -> None:
        raise Declined("UNMAPPED", WORDS)

    monkeypatch.setattr(Camara, verb, odd)


def test_an_unmapped_answer_to_prepare_raises_an_alert(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_oddly(monkeypatch, "prepare")
    payment = factories.opened()

    with pytest.raises(checkout.Refused) as caught:
        checkout.submit(payment.pk, factories.applicant("0000"), now=timezone.now())

    assert caught.value.code == "UNMAPPED"
    alert = Alert.objects.get()
    call = payment.calls.get(kind="PREPARE")
    assert (alert.kind, alert.ref, alert.detail) == ("UNMAPPED_ANSWER", f"call:{call.pk}", WORDS)


def test_an_unmapped_answer_to_confirm_raises_an_alert(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = factories.awaiting("0000")
    refuse_oddly(monkeypatch, "confirm")

    code = factories.texted_code(operator.base_url, "0000")
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == (PaymentState.DECLINED, "UNMAPPED")
    assert Alert.objects.get().ref == f"call:{payment.calls.get(kind='CONFIRM').pk}"


def test_an_unmapped_answer_to_a_refund_raises_an_alert(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = factories.paid(operator.base_url, "0000")
    refuse_oddly(monkeypatch, "refund")

    refund = work(asked(payment))

    assert (refund.state, refund.failure_code) == ("FAILED", "UNMAPPED")
    assert Alert.objects.get().ref == f"call:{refund.calls.get().pk}"


def test_a_mapped_answer_raises_none(operator: Any) -> None:
    payment = factories.opened()

    with pytest.raises(checkout.Refused):
        checkout.submit(payment.pk, factories.applicant("0016"), now=timezone.now())

    assert not Alert.objects.exists()


def test_an_announcement_given_up_raises_an_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise ValueError

    monkeypatch.setitem(current_app.tasks, "broken", broken)
    event = OutboxEvent.objects.create(
        kind="x.y", subject_id=1, created_at=timezone.now(), due_at=timezone.now()
    )

    for _ in range(len(outbox.BACKOFF_SECONDS) + 1):
        assert not Alert.objects.exists()
        event.refresh_from_db()
        outbox.drain({"x.y": ("broken",)}, now=event.due_at)

    alert = Alert.objects.get()
    assert (alert.kind, alert.ref) == ("GIVEN_UP", f"event:{event.pk}")


def test_the_same_thing_twice_is_one_alert() -> None:
    for _ in range(2):
        Alert.note(Alert.Kind.GIVEN_UP, ref="event:1", detail="", at=timezone.now())

    assert Alert.objects.count() == 1


def dead_event() -> OutboxEvent:
    now = timezone.now()
    event = OutboxEvent.objects.create(
        kind="x.y", subject_id=1, created_at=now, due_at=now, dead_at=now, attempts=7
    )
    Alert.note(Alert.Kind.GIVEN_UP, ref=f"event:{event.pk}", detail="", at=now)
    return event


def test_a_dead_announcement_is_sent_again_and_its_alert_closed() -> None:
    event = dead_event()

    outbox.send_again(event.pk, reason="고침", by="operator@desk.test", now=timezone.now())

    assert outbox.drain({}, now=timezone.now()) == 1
    event.refresh_from_db()
    assert (event.dead_at, event.done_at is None) == (None, False)
    assert (Alert.objects.get().closed_by, Alert.objects.get().resolution) == (
        "operator@desk.test",
        "고침",
    )


def test_an_announcement_that_is_not_dead_is_left_alone() -> None:
    event = dead_event()
    OutboxEvent.objects.filter(pk=event.pk).update(dead_at=None)

    with pytest.raises(outbox.NotDead):
        outbox.send_again(event.pk, reason="고침", by="operator@desk.test", now=timezone.now())
