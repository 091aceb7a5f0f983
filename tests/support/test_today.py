"""What the desk is told must go today: the carriers' last hours, and answers that are due."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from payments.calendar import SEOUL
from payments.models import Payment
from portal.models import User
from support import tickets, today
from support.models import Ticket

EVE = datetime(2026, 11, 30, 20, 0, tzinfo=SEOUL)
CUTOFF = datetime(2026, 11, 30, 23, 50, tzinfo=SEOUL)


@pytest.fixture
def ask(pay: Callable[..., Payment]) -> Callable[..., Ticket]:
    def make(at: datetime, *, paid_at: datetime | None = None) -> Ticket:
        request = tickets.Request(reason="OTHER")
        payment = pay(at=paid_at or at)
        return tickets.open_ticket(payment=payment, request=request, language="ko", now=at)

    return make


def test_nothing_is_due_on_an_empty_desk(db: None) -> None:
    assert today.of(EVE) == today.Today(0, 0, None)


def test_the_carriers_last_hours_are_counted_waiting_cases_among_them(
    ask: Callable[..., Ticket],
) -> None:
    ask(EVE)
    waiting = ask(EVE)
    tickets.ask_customer(ticket_id=waiting.pk, question="언제요?", by="staff:1", now=EVE)
    ask(EVE, paid_at=EVE - timedelta(days=40))

    assert today.of(EVE) == today.Today(2, 2, CUTOFF)


def test_after_the_cutoff_there_is_nothing_left_to_hurry_for(ask: Callable[..., Ticket]) -> None:
    ask(EVE)

    assert today.of(CUTOFF + timedelta(minutes=5)) == today.Today(0, 0, None)
    assert today.of(CUTOFF + timedelta(hours=9)) == today.Today(0, 0, None)


@pytest.mark.parametrize(
    ("hour", "due"),
    [
        (datetime(2026, 12, 2, 23, 59, tzinfo=SEOUL), 0),
        (datetime(2026, 12, 3, 0, 0, tzinfo=SEOUL), 1),
        (datetime(2026, 12, 4, 9, 0, tzinfo=SEOUL), 1),
    ],
)
def test_an_answer_is_due_on_its_day_and_after(
    ask: Callable[..., Ticket], hour: datetime, due: int
) -> None:
    # Asked on Monday, paid long ago: three business days, and no carrier to be in time for.
    ask(EVE, paid_at=EVE - timedelta(days=40))

    assert today.of(hour) == today.Today(due, 0, None)


def test_a_decided_case_is_off_the_list(ask: Callable[..., Ticket]) -> None:
    ticket = ask(EVE)
    tickets.reject(ticket_id=ticket.pk, reason="안 돼요", by="staff:1", now=EVE)

    assert today.of(EVE).due == 0


def test_the_front_page_leads_to_the_nearest_deadline(
    client: Client, agent: User, ticket: Ticket
) -> None:
    client.force_login(agent)

    page = client.get("/admin/").content.decode()

    assert "결정을 기다리는 요청이 1건 있어요" in page
    assert f'href="/admin/support/ticket/{ticket.pk}/change/"' in page


def test_the_front_page_of_who_sees_no_requests_says_nothing_of_them(
    client: Client, ticket: Ticket
) -> None:
    client.force_login(User.objects.create_user("other@desk.test", "p", is_staff=True))

    assert ticket.number not in client.get("/admin/").content.decode()
