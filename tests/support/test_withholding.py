"""While an objection stands, the payment's money stays with us; with its end it goes on."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection, transaction

from payments import invariants, lines, settlement
from payments.models import Message, Payment, SettlementHold
from payments.models.payments import holder_index
from payments.states import PaymentState, RefundState
from support import disputes, tasks, tickets
from support.invariants import INVARIANTS
from support.models import Ticket
from tests.support.factories import NOW, PHONE, approve, open_ticket, reject


def object_to(payment: Payment) -> Ticket:
    """The holder of the line says: this was not me."""
    holder = lines.Holder(
        phone=payment.phone,
        phone_bidx=payment.phone_bidx,
        holder_bidx=holder_index(PHONE, date(1990, 1, 31)),
    )
    return disputes.report_not_me(
        payment=payment, holder=holder, text="저 아니에요", language="ko", now=NOW
    )


def is_held(payment: Payment) -> bool:
    return SettlementHold.objects.filter(payment=payment, released_at__isnull=True).exists()


def settled(payment: Payment) -> bool:
    """Whether a closing after the month takes the payment in."""
    settlement.close_due(now=NOW + timedelta(days=40))
    return payment.settlement_lines.exists()


@pytest.mark.django_db(transaction=True)
def test_an_objection_keeps_its_payment_out_of_the_settlement(payment: Payment) -> None:
    ticket = object_to(payment)

    hold = SettlementHold.objects.get(payment=payment)
    assert (hold.reason, hold.held_by) == (ticket.number, "shopper")
    assert not settled(payment)


@pytest.mark.django_db(transaction=True)
def test_a_dismissed_objection_lets_the_money_go(payment: Payment) -> None:
    ticket = object_to(payment)

    reject(ticket)

    hold = SettlementHold.objects.get(payment=payment)
    assert (hold.released_by, hold.release_reason) == ("staff:1", "REJECTED")
    assert settled(payment)


def test_an_objection_taken_back_lets_the_money_go(payment: Payment) -> None:
    ticket = object_to(payment)

    tickets.withdraw(ticket_id=ticket.pk, by="shopper", now=NOW)

    assert not is_held(payment)


def test_an_upheld_objection_holds_until_the_money_is_back(payment: Payment) -> None:
    ticket = approve(object_to(payment))
    assert is_held(payment)
    refund = ticket.refund
    assert refund is not None
    refund.confirmed_at = NOW
    for state in (RefundState.SENDING, RefundState.SUCCEEDED):
        refund.move_to(state, at=NOW, by="test")

    tasks.resolve_ticket(subject_id=refund.pk)

    assert not is_held(payment)


def test_a_reopened_objection_holds_again(payment: Payment) -> None:
    ticket = reject(object_to(payment))

    tickets.reopen(ticket_id=ticket.pk, reason="새 증거", by="staff:1", now=NOW)

    assert is_held(payment)


def test_a_merged_objection_holds_until_the_first_case_ends(
    payment: Payment, pay: Callable[..., Payment]
) -> None:
    first = object_to(pay())
    ticket = object_to(payment)
    tickets.mark_duplicate(
        ticket_id=ticket.pk, first_id=first.pk, reason="같은 일", by="staff:1", now=NOW
    )
    assert is_held(payment)

    reject(first)

    assert not is_held(payment)


def test_a_request_that_turns_into_not_me_holds_as_well(payment: Payment) -> None:
    open_ticket(payment)

    object_to(payment)

    assert is_held(payment)


def test_a_request_to_cancel_holds_nothing_and_lets_go_nothing(payment: Payment) -> None:
    ticket = open_ticket(payment)
    assert not is_held(payment)
    settlement.hold(payment.pk, reason="수사", by="staff:2", now=NOW)

    reject(ticket)

    assert is_held(payment)


def test_an_objection_to_what_was_never_charged_holds_nothing(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.DECLINED)
    payment.refresh_from_db()

    object_to(payment)

    assert not is_held(payment)


def test_an_open_objection_without_its_hold_is_found(payment: Payment) -> None:
    [rule] = [rule for rule in INVARIANTS if rule.code == "I23 objection"]
    ticket = object_to(payment)
    assert invariants.offenders(rule) == []

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM payments_settlementhold")

    assert invariants.offenders(rule) == [f"ticket {ticket.pk}"]


@pytest.mark.parametrize(
    ("notify", "kind"),
    [
        (tasks.notify_ticket_received, "ticket_received"),
        (tasks.notify_ticket_rejected, "ticket_rejected"),
    ],
)
def test_the_words_of_an_objection_call_it_so(
    payment: Payment, notify: Callable[..., None], kind: str
) -> None:
    ticket = object_to(payment)
    ticket.set_contact(phone=PHONE, email="minji@mail.test")
    ticket.save(update_fields=["email_sealed"])
    if kind == "ticket_rejected":
        reject(ticket)

    notify(subject_id=ticket.pk)

    for message in Message.objects.filter(kind=kind):
        words = f"{message.subject} {message.text}"
        assert "이의신청" in words
        assert "취소 요청" not in words
