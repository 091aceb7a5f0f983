"""The clock of a case from question to answer, and days on which the desk does not work."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from payments.calendar import SEOUL
from payments.models import Payment
from portal.models import User
from support import desk, tickets
from support.models import DayException, Ticket
from tests.support.factories import NOW

CAME = datetime(2027, 2, 3, 10, 0, tzinfo=SEOUL)
ASKED = datetime(2027, 2, 4, 15, 23, tzinfo=SEOUL)
ANSWERED = datetime(2027, 2, 8, 21, 14, tzinfo=SEOUL)
DUE = datetime(2027, 2, 12, 11, 37, tzinfo=SEOUL)
LAW = CAME + timedelta(days=14)


@pytest.fixture
def before_seollal(pay: Callable[..., Payment]) -> Ticket:
    request = tickets.Request(reason="CHANGE_OF_MIND")
    return tickets.open_ticket(payment=pay(at=CAME), request=request, language="ko", now=CAME)


def ask(ticket: Ticket, at: datetime = ASKED) -> Ticket:
    return tickets.ask_customer(ticket_id=ticket.pk, question="언제요?", by="staff:1", now=at)


def answer(ticket: Ticket, at: datetime = ANSWERED) -> Ticket:
    return tickets.customer_answered(ticket_id=ticket.pk, text="어제요", by="shopper", now=at)


def test_deadline_across_seollal_when_the_customer_answers_on_the_holiday(
    before_seollal: Ticket,
) -> None:
    waiting = ask(before_seollal)
    assert (waiting.due_at, waiting.clock_left) == (LAW, timedelta(hours=20, minutes=37))

    assert answer(before_seollal).due_at == DUE


def test_clock_goes_on_with_what_was_left_when_we_ask_twice(before_seollal: Ticket) -> None:
    ask(before_seollal)
    answer(before_seollal)
    waiting = ask(before_seollal, at=datetime(2027, 2, 11, 12, 0, tzinfo=SEOUL))
    assert waiting.clock_left == timedelta(hours=8, minutes=37)

    again = answer(before_seollal, at=datetime(2027, 2, 15, 9, 0, tzinfo=SEOUL))

    assert again.due_at == datetime(2027, 2, 15, 17, 37, tzinfo=SEOUL)


def test_clock_is_left_alone_by_everything_but_the_customers_turn(
    before_seollal: Ticket, agent: User
) -> None:
    facts = {"ticket_id": before_seollal.pk, "by": "staff:1", "now": ASKED}
    tickets.claim(user_id=agent.pk, **facts)
    tickets.add_note(text="메모", **facts)
    tickets.ask_merchant(question="?", **facts)
    tickets.merchant_answered(text="네", **facts)
    tickets.release(**facts)

    before_seollal.refresh_from_db()
    assert before_seollal.due_at == datetime(2027, 2, 10, 18, 0, tzinfo=SEOUL)
    assert before_seollal.clock_left is None


def test_being_late_does_not_grow_while_the_customer_owes_the_answer(
    before_seollal: Ticket,
) -> None:
    asked = datetime(2027, 2, 11, 11, 0, tzinfo=SEOUL)
    late = ask(before_seollal, at=asked)
    assert late.clock_left == -timedelta(hours=2)
    assert desk.clock(late, asked + timedelta(days=3)).text == "답변 기한 2시간 넘김, 멈춤"

    resumed = answer(before_seollal, at=datetime(2027, 2, 15, 12, 0, tzinfo=SEOUL))

    assert resumed.due_at == datetime(2027, 2, 15, 10, 0, tzinfo=SEOUL)


def test_the_laws_clock_does_not_stop(before_seollal: Ticket) -> None:
    Ticket.objects.filter(pk=before_seollal.pk).update(kind="O", due_at=LAW)
    assert ask(before_seollal).due_at == LAW
    assert answer(before_seollal).due_at == LAW


def test_a_reopened_case_starts_anew(before_seollal: Ticket) -> None:
    ask(before_seollal)
    tickets.reject(ticket_id=before_seollal.pk, reason="무응답", by="staff:1", now=ANSWERED)
    facts = {"ticket_id": before_seollal.pk, "by": "staff:1", "now": ANSWERED}
    again = tickets.reopen(reason="답이 왔음", **facts)
    assert again.due_at == datetime(2027, 2, 12, 18, 0, tzinfo=SEOUL)
    assert (again.clock_left, again.clock_at) == (None, None)


def test_words_of_a_stopped_clock(before_seollal: Ticket) -> None:
    waiting = ask(before_seollal)
    assert desk.clock(waiting, ANSWERED).text == "멈춤, 업무 시간 20시간 37분 남음"
    assert desk.deadlines(waiting, ANSWERED) == [
        ("답변 시계", "멈춤, 업무 시간 20시간 37분 남음"),
        ("늦어도 (법정)", "2월 17일 10:00"),
        ("통신사 취소 마감", "2월 28일 23:50"),
    ]


def test_the_carriers_cutoff_is_shown_even_when_our_clock_stands_still(
    before_seollal: Ticket,
) -> None:
    cutoff = ASKED + timedelta(hours=3)
    Ticket.objects.filter(pk=before_seollal.pk).update(cancel_cutoff_at=cutoff)
    waiting = ask(before_seollal)
    assert desk.clock(waiting, ASKED).text == "통신사 취소 마감 3시간 남음"


# Days on which the desk's calendar is another


@pytest.fixture
def lead(client: Client, agent: User) -> Iterator[Client]:
    agent.user_permissions.set(
        Permission.objects.filter(content_type__app_label="support", codename__contains="day")
    )
    client.force_login(agent)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


LIST = "/admin/support/dayexception/"


def test_deadlines_move_when_a_holiday_is_added_and_back_when_it_is_taken_away(
    lead: Client, ticket: Ticket
) -> None:
    before = ticket.due_at
    answer = lead.post(f"{LIST}add/", {"day": "2026-11-25", "name": "임시공휴일"}, follow=True)
    assert "답변 기한 1건이 옮겨졌어요." in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.due_at == before + timedelta(days=1)
    assert ticket.events.filter(event="ticket.due_moved", reason="임시공휴일").count() == 1

    row = DayException.objects.get()
    lead.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})

    ticket.refresh_from_db()
    assert ticket.due_at == before


def test_a_day_after_the_deadline_moves_nothing(lead: Client, ticket: Ticket) -> None:
    before = ticket.due_at
    lead.post(f"{LIST}add/", {"day": "2026-11-30", "name": "임시공휴일"})
    ticket.refresh_from_db()
    assert ticket.due_at == before


def test_the_same_day_is_entered_once(lead: Client, ticket: Ticket) -> None:
    for _ in range(2):
        answer = lead.post(f"{LIST}add/", {"day": "2026-11-25", "name": "임시공휴일"})
    assert answer.status_code == 200
    assert DayException.objects.count() == 1
