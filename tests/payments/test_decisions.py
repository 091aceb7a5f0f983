"""Above a limit whoever asks is not whoever agrees: held in the use cases, whatever the screen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import decisions, refunds
from payments.decisions import SamePerson, SecondPersonNeeded
from payments.limits import Scope
from payments.models import LimitTerm, Payment, Proposal, Refund
from support import audit, tickets
from support.models import AuditEntry, Ticket
from tests.portal import histories

pytestmark = pytest.mark.django_db
NOW = timezone.now()
REQUEST = tickets.Request(reason="OTHER")


@pytest.fixture
def big() -> Payment:
    """A payment one person may not give back alone."""
    return histories.sale(histories.shop("melody"), at=NOW, amount_won=30_001)


@pytest.fixture
def ticket(big: Payment) -> Ticket:
    return tickets.open_ticket(payment=big, request=REQUEST, language="ko", now=NOW)


@pytest.fixture
def approve(ticket: Ticket) -> Callable[[str], Ticket]:
    def press(by: str) -> Ticket:
        return tickets.approve(
            ticket_id=ticket.pk, expected_remaining_won=30_001, reason="확인함", by=by, now=NOW
        )

    return press


def ask(payment: Payment, amount_won: int | None = None, **people: str) -> Refund:
    left = refunds.remaining_won(payment)
    return refunds.request(
        payment_id=payment.pk,
        amount_won=amount_won or left,
        expected_remaining_won=left,
        reason="",
        now=NOW,
        **people,
    )


def test_one_person_cannot_refund_more_than_the_limit(big: Payment) -> None:
    for people in ({"by": "a"}, {"by": "a", "requested_by": "a"}):
        with pytest.raises(SecondPersonNeeded) as caught:
            ask(big, **people)
        assert caught.value.limit_won == 30_000
    assert not Refund.objects.exists()


def test_two_people_can_and_both_are_on_the_refund(big: Payment) -> None:
    refund = ask(big, requested_by="a", by="b")

    assert (refund.requested_by, refund.approved_by) == ("a", "b")


def test_up_to_the_limit_one_person_is_enough() -> None:
    small = histories.sale(histories.shop("melody"), at=NOW, amount_won=30_000)

    assert ask(small, by="a").approved_by == "a"


def test_a_sum_above_the_limit_takes_two_people_in_parts_as_well(big: Payment) -> None:
    ask(big, 20_000, by="a")
    for one in ("a", "b"):
        with pytest.raises(SecondPersonNeeded):
            ask(big, 10_001, by=one)

    assert ask(big, 10_001, requested_by="a", by="b").amount_won == 10_001


def test_what_two_people_decided_counts_against_nobody(big: Payment) -> None:
    ask(big, 20_000, requested_by="a", by="b")

    assert ask(big, 10_001, by="a").approved_by == "a"


def test_the_rest_of_a_request_is_proposed_once_a_part_was_decided_alone(
    ticket: Ticket, big: Payment
) -> None:
    ask(big, 20_000, by="staff:1")

    def press(by: str) -> Ticket:
        return tickets.approve(
            ticket_id=ticket.pk, expected_remaining_won=10_001, reason="확인함", by=by, now=NOW
        )

    assert press("staff:2").state == "NEW"
    assert press("staff:1").state == "APPROVED"


def test_the_limit_is_the_term_in_force(big: Payment) -> None:
    term = {"scope": Scope.DECIDED_ALONE, "source": "내부 통제 규정"}
    LimitTerm.objects.create(amount_won=50_000, valid_from=NOW + timedelta(days=1), **term)
    with pytest.raises(SecondPersonNeeded):
        ask(big, by="a")
    LimitTerm.objects.create(amount_won=50_000, valid_from=NOW, **term)

    assert ask(big, by="a").approved_by == "a"


def test_the_first_approval_of_a_request_only_proposes(
    ticket: Ticket, approve: Callable[[str], Ticket]
) -> None:
    assert approve("staff:1").state == "NEW"

    assert tickets.is_proposed(ticket)
    assert not Refund.objects.exists()
    assert ticket.events.latest("pk").event == "ticket.proposed"
    assert AuditEntry.objects.latest("pk").subject == f"payment:{ticket.payment_id} refund.proposed"


def test_the_same_agent_cannot_approve_twice(approve: Callable[[str], Ticket]) -> None:
    approve("staff:1")

    with pytest.raises(SamePerson):
        approve("staff:1")
    assert not Refund.objects.exists()


def test_a_second_agent_approves(approve: Callable[[str], Ticket]) -> None:
    approve("staff:1")

    approved = approve("staff:2")

    assert approved.state == "APPROVED"
    refund = Refund.objects.get()
    assert (refund.requested_by, refund.approved_by) == ("staff:1", "staff:2")
    proposal = Proposal.objects.get()
    assert (proposal.proposed_by, proposal.agreed_by) == ("staff:1", "staff:2")


def test_a_rejected_proposal_counts_for_nothing_later(
    ticket: Ticket, approve: Callable[[str], Ticket]
) -> None:
    approve("staff:1")
    tickets.reject(ticket_id=ticket.pk, reason="안 됨", by="staff:3", now=NOW)
    tickets.reopen(ticket_id=ticket.pk, reason="다시", by="staff:3", now=NOW)

    assert approve("staff:2").state == "IN_PROGRESS"
    assert not Refund.objects.exists()


def test_a_proposal_for_another_amount_is_another_proposal(big: Payment) -> None:
    facts: dict[str, Any] = {"subject": "payment:1", "merchant": big.merchant, "reason": "x"}
    decisions.agreed("refund", amount_won=40_000, by="a", now=NOW, **facts)

    assert decisions.agreed("refund", amount_won=50_000, by="b", now=NOW, **facts) is None
    assert decisions.agreed("refund", amount_won=50_000, by="a", now=NOW, **facts) == "b"


def test_decisions_stand_on_an_unbroken_trail(approve: Callable[[str], Ticket]) -> None:
    approve("staff:1")
    approve("staff:2")

    assert list(audit.broken()) == []
    assert AuditEntry.objects.filter(action="DECIDED").exists()
