"""The desk: queue, case and decision."""

import pytest
from django.test import Client

from payments import refunds
from payments.models import Payment, Refund
from portal.models import User
from support import tickets
from support.models import Ticket
from tests.support.factories import NOW, approve

QUEUE = "/admin/support/ticket/"


@pytest.fixture
def desk(client: Client, agent: User) -> Client:
    client.force_login(agent)
    return client


def case(ticket: Ticket) -> str:
    return f"{QUEUE}{ticket.pk}/change/"


def decision(which: str, **changes: str) -> dict[str, str]:
    """What the form sends, from a screen that shows everything there is."""
    typed = {"decision": which, "reason": "확인했어요.", "expected_remaining_won": "2200"}
    typed |= {"amount": "2200"}
    return typed | {"seen": str(10**12)} | changes


def test_queue_shows_the_case_with_its_deadline(desk: Client, ticket: Ticket) -> None:
    page = desk.get(QUEUE).content.decode()

    assert ticket.number in page
    assert "2,200원" in page
    assert "<style" not in page


@pytest.mark.parametrize("by", ["number", "reference", "phone"])
def test_queue_is_searched_by_number_reference_and_phone(
    desk: Client, ticket: Ticket, payment: Payment, by: str
) -> None:
    terms = {"number": ticket.number, "reference": payment.reference, "phone": "010-9000-0000"}

    found = desk.get(QUEUE, {"q": terms[by]}).content.decode()
    missed = desk.get(QUEUE, {"q": "010-9000-5555"}).content.decode()

    assert ticket.number in found
    assert ticket.number not in missed


def test_case_says_what_approving_does_and_what_the_customer_reads(
    desk: Client, ticket: Ticket
) -> None:
    page = desk.get(case(ticket)).content.decode()

    assert "밤 산책, 2,200원을 취소해 달라는 요청" in page
    assert "승인하면:" in page
    assert "고객이 받을 문자" in page
    assert "통신사 승인" in page
    assert "90000000" not in page


def test_approve_schedules_and_returns_to_the_queue(
    desk: Client, ticket: Ticket, agent: User
) -> None:
    answer = desk.post(case(ticket), decision("approve"))

    ticket.refresh_from_db()
    assert answer.headers["Location"].startswith(QUEUE)
    assert (ticket.state, ticket.decided_by) == ("APPROVED", f"staff:{agent.pk}")
    assert Refund.objects.count() == 1


def test_reject_without_reason_keeps_the_case(desk: Client, ticket: Ticket) -> None:
    answer = desk.post(case(ticket), decision("reject", reason=" "))

    ticket.refresh_from_db()
    assert answer.status_code == 422
    assert "이유를 적어 주세요" in answer.content.decode()
    assert ticket.state == "NEW"


def test_a_decided_case_says_so_and_keeps_the_words(desk: Client, ticket: Ticket) -> None:
    approve(ticket)

    answer = desk.post(case(ticket), decision("reject", reason="늦은 거절"))

    ticket.refresh_from_db()
    assert answer.status_code == 409
    assert "이미 결정된 요청이에요" in answer.content.decode()
    assert ticket.state == "APPROVED"


def test_a_changed_remainder_is_shown_before_deciding_again(desk: Client, ticket: Ticket) -> None:
    refunds.request(
        payment_id=ticket.payment_id or 0,
        amount_won=1_000,
        expected_remaining_won=2_200,
        reason="part",
        by="test",
        now=NOW,
    )

    answer = desk.post(case(ticket), decision("approve"))

    assert answer.status_code == 409
    assert "1,200원" in answer.content.decode()


def test_a_note_stays_inside(desk: Client, ticket: Ticket) -> None:
    desk.post(case(ticket), decision("note", reason="같은 곡을 두 번 산 건 아님"))

    assert "같은 곡을 두 번" in desk.get(case(ticket)).content.decode()
    assert "같은 곡을 두 번" not in desk.get(f"/support/track/{ticket.token}/").content.decode()


@pytest.mark.parametrize("kept", ["view_ticket", "nothing"])
def test_deciding_needs_the_permission(
    desk: Client, ticket: Ticket, agent: User, kept: str
) -> None:
    agent.user_permissions.remove(*agent.user_permissions.exclude(codename=kept))

    answer = desk.post(case(ticket), decision("approve"))

    assert answer.status_code == 403
    assert not Refund.objects.exists()


def test_nothing_is_added_or_deleted(desk: Client, ticket: Ticket) -> None:
    assert desk.get(f"{QUEUE}add/").status_code == 403
    assert desk.post(f"{QUEUE}{ticket.pk}/delete/").status_code == 403


def test_withdrawn_meanwhile_is_said(desk: Client, ticket: Ticket) -> None:
    tickets.withdraw(ticket_id=ticket.pk, by=tickets.SHOPPER, now=NOW)

    answer = desk.post(case(ticket), decision("approve"))

    assert "고객이 요청을 거뒀어요" in answer.content.decode()


@pytest.mark.parametrize("model", ["payment", "refund", "message", "outboxevent", "carriercall"])
def test_money_rows_are_looked_at_only(
    client: Client, db: None, ticket: Ticket, payment: Payment, model: str
) -> None:
    approve(ticket)
    client.force_login(User.objects.create_superuser("boss@desk.test", "demo-only-Passw0rd"))

    page = client.get(f"/admin/payments/{model}/").content.decode()
    assert client.get(f"/admin/payments/{model}/add/").status_code == 403
    row = client.get(f"/admin/payments/payment/{payment.pk}/change/").content.decode()

    assert "90000000" not in page + row
    assert payment.token not in row
    assert payment.phone_bidx not in row
