"""Every task may run twice and still says and does things once."""

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from payments.models import Message, Payment, Refund
from payments.states import RefundState
from payments.texts import ItemsMissing
from support import notices, tasks, tickets
from support.models import Ticket
from tests.support.factories import NOW, approve, open_ticket


def texts(kind: str) -> list[str]:
    rows = Message.objects.filter(kind=kind, channel="SMS")
    return [message.text for message in rows.order_by("pk")]


def run_twice(task: object, subject_id: int) -> None:
    for _ in range(2):
        task(subject_id=subject_id, event="later arguments are ignored")  # type: ignore[operator]


def succeed(refund: Refund) -> None:
    refund.confirmed_at = NOW
    for state in (RefundState.SENDING, RefundState.SUCCEEDED):
        refund.move_to(state, at=NOW, by="test")


def test_received_says_the_number_and_where_to_follow(ticket: Ticket) -> None:
    run_twice(tasks.notify_ticket_received, ticket.pk)

    [text] = texts("ticket_received")
    assert ticket.number in text
    assert f"/support/track/{ticket.token}/" in text


def test_received_goes_by_mail_as_well(payment: Payment) -> None:
    ticket = open_ticket(payment, email="minji@mail.test")

    run_twice(tasks.notify_ticket_received, ticket.pk)

    [mail] = Message.objects.filter(channel="EMAIL")
    assert (mail.to, ticket.number in mail.subject) == ("minji@mail.test", True)


def test_approved_says_the_refund_procedure(ticket: Ticket) -> None:
    approve(ticket)

    run_twice(tasks.notify_ticket_approved, ticket.pk)

    [text] = texts("ticket_approved")
    assert "11월 휴대폰 요금에서 빠져요" in text
    assert "1600-0100" in text
    assert "http" not in text


@pytest.mark.parametrize("language", ["ko", "en"])
def test_rejected_says_reason_legal_basis_how_to_object_and_the_deadline(
    payment: Payment, language: str
) -> None:
    ticket = open_ticket(payment, email="minji@mail.test")
    Ticket.objects.filter(pk=ticket.pk).update(language=language)
    tickets.reject(ticket_id=ticket.pk, reason="이미 들으셨어요.", by="staff:1", now=NOW)

    tasks.notify_ticket_rejected(subject_id=ticket.pk)

    told = Message.objects.filter(kind="ticket_rejected")
    assert {message.channel for message in told} == {"SMS", "EMAIL"}
    with translation.override(language):
        basis = gettext("전자상거래법 제17조 제1항과 제2항")
        within = gettext("2주")
    for message in told:
        for item in ("이미 들으셨어요.", basis, settings.DESK_PHONE, within):
            assert item in message.text


def test_a_refusal_that_lacks_an_item_is_not_queued(
    ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets.reject(ticket_id=ticket.pk, reason="이미 들으셨어요.", by="staff:1", now=NOW)
    full = notices.context_of(Ticket.objects.get(pk=ticket.pk))
    monkeypatch.setattr(notices, "context_of", lambda _: full | {"legal_basis": ""})

    with pytest.raises(ItemsMissing) as caught:
        tasks.notify_ticket_rejected(subject_id=ticket.pk)

    assert caught.value.missing == ("legal basis",)
    assert not Message.objects.filter(kind="ticket_rejected").exists()


def test_every_reason_has_its_legal_basis() -> None:
    assert set(notices.LEGAL_BASIS) == set(Ticket.Reason.values)


def test_rejected_says_the_reason(ticket: Ticket) -> None:
    tickets.reject(ticket_id=ticket.pk, reason="이미 들으셨어요.", by="staff:1", now=NOW)

    run_twice(tasks.notify_ticket_rejected, ticket.pk)

    [text] = texts("ticket_rejected")
    assert "이미 들으셨어요." in text
    ticket.refresh_from_db()
    assert ticket.result_notified_at is not None


def test_resolve_closes_the_request_and_says_so(ticket: Ticket) -> None:
    refund = approve(ticket).refund
    assert refund is not None
    succeed(refund)

    run_twice(tasks.resolve_ticket, refund.pk)

    ticket.refresh_from_db()
    assert ticket.state == "RESOLVED"
    [text] = texts("ticket_resolved")
    assert "빠졌어요" in text


def test_account_needed_asks_on_the_tracking_page(ticket: Ticket) -> None:
    refund = approve(ticket).refund
    assert refund is not None
    refund.route = "BANK"
    refund.move_to(RefundState.AWAITING_ACCOUNT, at=NOW, by="test")

    run_twice(tasks.notify_account_needed, refund.pk)

    [text] = texts("ticket_account_needed")
    assert f"/support/track/{ticket.token}/" in text


@pytest.mark.parametrize("task", [tasks.resolve_ticket, tasks.notify_account_needed])
def test_refunds_without_a_request_are_left_alone(payment: Payment, task: object) -> None:
    run_twice(task, 4711)

    assert not Message.objects.exists()


def test_no_text_carries_a_full_number(ticket: Ticket) -> None:
    approve(ticket)
    for task in (tasks.notify_ticket_received, tasks.notify_ticket_approved):
        task(subject_id=ticket.pk)

    for message in Message.objects.all():
        assert "90000000" not in message.text.replace("-", "")
