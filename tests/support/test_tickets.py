"""Use cases of the desk on a real database."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pgtrigger
import pytest
from django.db import DatabaseError, IntegrityError, connection, models

from payments import refunds
from payments.calendar import SEOUL
from payments.models import OutboxEvent, Payment, Refund, moving
from payments.refunds import asking
from payments.states import IllegalMove, RefundState
from support import tickets
from support.models import Ticket, TicketEvent, pk_of_number
from support.states import TicketState
from tests.support.factories import NOW, approve, open_ticket, reject

APPROVALS = 20


def announced(ticket: Ticket) -> list[str]:
    rows = OutboxEvent.objects.filter(subject_id=ticket.pk, kind__startswith="ticket.")
    return list(rows.order_by("pk").values_list("kind", flat=True))


def test_open_ticket_sets_both_clocks_and_announces(payment: Payment) -> None:
    ticket = open_ticket(payment)

    assert ticket.due_at == datetime(2026, 11, 26, 18, 0, tzinfo=SEOUL)
    assert ticket.cancel_cutoff_at == datetime(2026, 11, 30, 23, 50, tzinfo=SEOUL)
    assert ticket.nearest_deadline_at == ticket.due_at
    assert announced(ticket) == ["ticket.received"]
    assert list(ticket.events.values_list("from_state", "to_state")) == [("", "NEW")]


def test_open_ticket_keeps_the_phone_sealed(ticket: Ticket) -> None:
    row = Ticket.objects.values().get(pk=ticket.pk)

    assert ticket.phone == "+821090000000"
    assert not any("90000000" in str(value) for value in row.values())


def test_open_ticket_leads_to_the_open_one(ticket: Ticket, payment: Payment) -> None:
    with pytest.raises(tickets.AlreadyOpen) as caught:
        open_ticket(payment)

    assert caught.value.ticket == ticket


def test_number_is_read_back(ticket: Ticket) -> None:
    assert ticket.number.startswith("C-2")
    assert pk_of_number(f" {ticket.number.lower()} ") == ticket.pk
    assert pk_of_number("PB-7K2M-4QXD") is None


def test_approve_schedules_one_refund_for_everything(ticket: Ticket) -> None:
    approved = approve(ticket)

    refund = Refund.objects.get()
    assert approved.refund == refund
    assert (refund.amount_won, refund.state, refund.route) == (2_200, "SCHEDULED", "CARRIER")
    assert refund.approved_by == "staff:1"
    assert announced(ticket) == ["ticket.received", "ticket.approved"]


def test_approve_waits_for_an_account_when_the_month_closed(ticket: Ticket) -> None:
    approved = approve(ticket, now=datetime(2026, 12, 1, 9, 0, tzinfo=SEOUL))

    assert approved.refund is not None
    assert approved.refund.state == RefundState.AWAITING_ACCOUNT
    assert approved.cancel_cutoff_at is None


def test_approve_twice_is_refused_and_refunds_once(ticket: Ticket) -> None:
    approve(ticket)

    with pytest.raises(IllegalMove):
        approve(ticket)

    assert Refund.objects.count() == 1


@pytest.mark.parametrize("reason", ["", "  \n"])
@pytest.mark.parametrize("decide", [approve, reject])
def test_decisions_need_a_reason(
    ticket: Ticket, decide: Callable[..., Ticket], reason: str
) -> None:
    with pytest.raises(tickets.ReasonMissing):
        decide(ticket, reason=reason)

    ticket.refresh_from_db()
    assert ticket.state == TicketState.NEW


def test_the_database_refuses_a_decision_without_reason(ticket: Ticket) -> None:
    with pytest.raises(IntegrityError):
        Ticket.objects.filter(pk=ticket.pk).update(state="REJECTED")


def test_approve_creates_nothing_when_less_is_left(ticket: Ticket) -> None:
    refunds.request(
        payment_id=ticket.payment_id or 0,
        amount_won=1_000,
        expected_remaining_won=2_200,
        reason="part",
        by="test",
        now=NOW,
    )

    with pytest.raises(refunds.UnableToRefund):
        approve(ticket)

    ticket.refresh_from_db()
    assert (ticket.state, ticket.refund) == ("NEW", None)


def test_reject_keeps_the_reason_and_moves_no_money(ticket: Ticket) -> None:
    tickets.reject(ticket_id=ticket.pk, reason="이미 들으셨어요.", by="staff:1", now=NOW)

    ticket.refresh_from_db()
    assert (ticket.state, ticket.decision_reason) == ("REJECTED", "이미 들으셨어요.")
    assert not Refund.objects.exists()
    assert announced(ticket)[-1] == "ticket.rejected"


def test_withdraw_takes_the_refund_along(ticket: Ticket) -> None:
    approve(ticket)

    tickets.withdraw(ticket_id=ticket.pk, by=tickets.SHOPPER, now=NOW)

    assert Refund.objects.get().state == RefundState.WITHDRAWN
    ticket.refresh_from_db()
    assert ticket.state == TicketState.WITHDRAWN


def test_withdraw_is_refused_when_money_moves(ticket: Ticket) -> None:
    approve(ticket)
    Refund.objects.get().move_to(RefundState.SENDING, at=NOW, by="test")

    with pytest.raises(IllegalMove):
        tickets.withdraw(ticket_id=ticket.pk, by=tickets.SHOPPER, now=NOW)

    ticket.refresh_from_db()
    assert ticket.state == TicketState.APPROVED


def test_resolve_for_refund_may_be_repeated(ticket: Ticket) -> None:
    refund = approve(ticket).refund
    assert refund is not None

    for _ in range(2):
        tickets.resolve_for_refund(refund_id=refund.pk, now=NOW)

    assert announced(ticket).count("ticket.resolved") == 1


def test_resolve_for_refund_knows_nothing_of_others(payment: Payment) -> None:
    assert tickets.resolve_for_refund(refund_id=4711, now=NOW) is None


def test_refund_changed_route_writes_one_note(ticket: Ticket) -> None:
    refund = approve(ticket).refund
    assert refund is not None

    for _ in range(2):
        tickets.refund_changed_route(refund_id=refund.pk, now=NOW)

    assert ticket.notes.count() == 1


def test_history_is_append_only(ticket: Ticket) -> None:
    with pytest.raises(DatabaseError):
        TicketEvent.objects.filter(ticket=ticket).update(actor="somebody")


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_approvals_give_one_refund(pay: Callable[..., Payment]) -> None:
    ticket = open_ticket(pay())

    outcomes = together(lambda: approve(ticket))

    assert outcomes == Counter({"IllegalMove": APPROVALS - 1, "Ticket": 1})
    assert Refund.objects.count() == 1
    assert announced(ticket).count("ticket.approved") == 1


@pytest.fixture
def _no_database_guard() -> Iterator[None]:
    """The database no longer minds how much is promised of a payment."""
    pgtrigger.disable("payments.Refund:within_paid")
    yield
    pgtrigger.enable("payments.Refund:within_paid")


@pytest.mark.usefixtures("_no_database_guard")
@pytest.mark.django_db(transaction=True)
def test_without_locks_parallel_approvals_would_refund_twice(
    pay: Callable[..., Payment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the test above fails when nothing is locked."""
    ticket = open_ticket(pay())
    together_before_writing = threading.Barrier(APPROVALS)
    remaining_won = asking.remaining_won

    def slow_remaining_won(payment: Payment) -> int:
        left = remaining_won(payment)
        together_before_writing.wait(timeout=30)
        return left

    def no_lock(self: models.QuerySet[Any], **_: Any) -> models.QuerySet[Any]:
        return self.all()

    def write_whatever_the_state_is(row: Any, history: models.Model, *_: Any) -> bool:
        row.save()
        row.events.add(history, bulk=False)
        return True

    monkeypatch.setattr(models.QuerySet, "select_for_update", no_lock)
    monkeypatch.setattr(moving, "_write", write_whatever_the_state_is)
    monkeypatch.setattr(asking, "remaining_won", slow_remaining_won)

    together(lambda: approve(ticket))

    assert Refund.objects.count() > 1


def together(act: Callable[[], object]) -> Counter[str]:
    """What twenty threads with a connection each get from the same act at the same moment."""
    start = threading.Barrier(APPROVALS)
    outcomes: Counter[str] = Counter()
    lock = threading.Lock()

    def run() -> None:
        try:
            start.wait(timeout=30)
            outcome = type(act()).__name__
        except Exception as error:
            outcome = type(error).__name__
        finally:
            connection.close()
        with lock:
            outcomes[outcome] += 1

    threads = [threading.Thread(target=run) for _ in range(APPROVALS)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    for thread in threads:
        thread.join(timeout=max(0, deadline - time.monotonic()))
    return outcomes
