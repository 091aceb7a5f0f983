"""The desk's screens: views of the queue, steps with their confirmation, two people on one case."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.calendar import SEOUL
from payments.models import Message, Payment
from portal.models import User
from support import queue, tickets
from support.models import Ticket
from support.queue import View
from tests.support.factories import NOW, approve, open_ticket, reject

QUEUE = "/admin/support/ticket/"
STRANGER = "+821090000001"
Make = Callable[..., Ticket]


@pytest.fixture
def desk(client: Client, agent: User) -> Iterator[Client]:
    client.force_login(agent)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


@pytest.fixture
def make(pay: Callable[..., Payment]) -> Make:
    return lambda **facts: open_ticket(pay(**facts))


def case(ticket: Ticket) -> str:
    return f"{QUEUE}{ticket.pk}/change/"


def numbers(page: str) -> list[str]:
    return re.findall(r'<b class="nowrap">(\w-\d+)</b>', page)


def shown(desk: Client, **query: str) -> list[str]:
    answer = desk.get(QUEUE, query)
    assert answer.status_code == 200
    return numbers(answer.content.decode())


def step(ticket: Ticket, which: str, **changes: str) -> dict[str, str]:
    seen = str(tickets.last_change(ticket))
    return {"decision": which, "reason": "언제 들으셨나요?", "seen": seen} | changes


# The queue


def test_each_view_shows_its_cases_with_a_count(desk: Client, make: Make, agent: User) -> None:
    free, mine, waiting, again, done, no = (make() for _ in range(6))
    by = f"staff:{agent.pk}"
    tickets.claim(ticket_id=mine.pk, user_id=agent.pk, by=by, now=NOW)
    tickets.ask_customer(ticket_id=waiting.pk, question="?", by=by, now=NOW)
    reject(again)
    tickets.reopen(ticket_id=again.pk, reason="다시", by=by, now=NOW)
    approve(done)
    reject(no)

    views = {view: shown(desk, view=view) for view in View}

    assert views == {
        View.TODO: [free.number, mine.number, again.number],
        View.MINE: [mine.number],
        View.UNASSIGNED: [free.number, again.number],
        View.NEAR: [],
        View.WAITING: [waiting.number],
        View.REOPENED: [again.number],
        View.REFUNDING: [done.number],
        View.CLOSED: [no.number],
    }
    counts = queue.counts(user_id=agent.pk, now=NOW)
    assert counts == {view: len(rows) for view, rows in views.items() if view != View.CLOSED}


def test_the_nearer_of_both_deadlines_comes_first(make: Make) -> None:
    november = make(at=datetime(2026, 11, 23, 9, tzinfo=SEOUL))
    urgent = make(at=datetime(2026, 11, 23, 9, tzinfo=SEOUL))
    Ticket.objects.filter(pk=urgent.pk).update(cancel_cutoff_at=NOW + timedelta(hours=3))
    unhurried = make(at=datetime(2026, 10, 1, 9, tzinfo=SEOUL))
    Ticket.objects.filter(pk=unhurried.pk).update(due_at=NOW + timedelta(days=9))

    rows = queue.cases(View.TODO, user_id=0, now=NOW)

    assert unhurried.cancel_cutoff_at is None
    assert list(rows) == [urgent, november, unhurried]
    assert list(queue.cases(View.NEAR, user_id=0, now=NOW)) == [urgent]


def test_pages_follow_each_other_without_gap_or_repetition(make: Make) -> None:
    made = [make() for _ in range(7)]
    rows, seen, after = queue.cases(View.TODO, user_id=0, now=NOW), [], ""
    for _ in range(3):
        page = queue.page(rows, after=after, size=3)
        seen += page.rows
        after = page.onward

    assert seen == made
    assert after == ""


@pytest.mark.parametrize("cursor", ["x", "1", "-1-2", "1-x", "9" * 19 + "-1", "9" * 18 + "-1"])
def test_a_cursor_we_never_made_is_not_found(desk: Client, cursor: str) -> None:
    assert desk.get(QUEUE, {"after": cursor}).status_code == 404


def test_an_unknown_view_is_not_found(desk: Client) -> None:
    assert desk.get(QUEUE, {"view": "all"}).status_code == 404


@pytest.mark.parametrize(
    "query", [{}, {"view": "mine"}, {"view": "closed"}, {"q": "밤"}, {"q": "010-9000-0000"}]
)
def test_the_queue_costs_the_same_statements_whatever_its_length(
    desk: Client, make: Make, agent: User, query: dict[str, str]
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as caught:
            desk.get(QUEUE, query)
        return len(caught)

    tickets.claim(ticket_id=make().pk, user_id=agent.pk, by="staff:1", now=NOW)
    before = statements()
    for _ in range(12):
        ticket = make()
        tickets.claim(ticket_id=ticket.pk, user_id=agent.pk, by="staff:1", now=NOW)
    reject(ticket)

    assert statements() == before
    # One of them asks for the agent's own views.
    assert before <= 16


def test_counts_stop_where_nobody_reads_on(
    make: Make, monkeypatch: pytest.MonkeyPatch, desk: Client
) -> None:
    monkeypatch.setattr(queue, "COUNT_UP_TO", 2)
    for _ in range(3):
        make()

    page = desk.get(QUEUE).content.decode()

    assert "1건 넘게" in page
    assert '<span class="desk-count">1+</span>' in page


@pytest.mark.parametrize("term", ["{number}", "010-****-0001", "멜로디", "2026-11-23", "겨울"])
def test_search_finds_closed_cases_too(desk: Client, make: Make, term: str) -> None:
    wanted = make(phone=STRANGER, item_name="겨울 일기")
    reject(wanted)

    assert shown(desk, q=term.format(number=wanted.number)) == [wanted.number]


# Steps


def test_a_question_is_shown_word_for_word_before_it_leaves(desk: Client, ticket: Ticket) -> None:
    first = desk.post(case(ticket), step(ticket, "ask"))

    assert "고객이 받을 문자" in first.content.decode()
    assert "언제 들으셨나요?" in first.content.decode()
    assert not Message.objects.filter(kind="ticket_question").exists()

    second = desk.post(case(ticket), step(ticket, "ask", confirmed="1"))

    assert second.status_code == 302
    ticket.refresh_from_db()
    assert ticket.state == "WAITING_CUSTOMER"
    [message] = Message.objects.filter(kind="ticket_question")
    assert message.text.split("\n")[0] in first.content.decode()


@pytest.mark.parametrize("which", ["ask", "refer", "duplicate"])
def test_a_step_without_words_stays_open_and_says_so(
    desk: Client, ticket: Ticket, which: str
) -> None:
    answer = desk.post(case(ticket), step(ticket, which, reason=" ", confirmed="1"))

    assert answer.status_code == 422
    assert f'id="{which}-error"' in answer.content.decode()


def test_the_answer_is_written_down_by_the_agent(desk: Client, ticket: Ticket) -> None:
    desk.post(case(ticket), step(ticket, "ask", confirmed="1"))

    desk.post(case(ticket), {"decision": "answer", "reason": "전화로: 안 들었대요"})

    page = desk.get(case(ticket)).content.decode()
    assert "전화로: 안 들었대요" in page
    ticket.refresh_from_db()
    assert ticket.state == "IN_PROGRESS"


def test_a_duplicate_needs_the_number_of_the_first(
    desk: Client, ticket: Ticket, make: Make
) -> None:
    second = make()

    missing = desk.post(case(second), step(second, "duplicate"))
    assert missing.status_code == 422

    facts = step(second, "duplicate", number=ticket.number, reason="두 번 보내셨어요.")
    assert ticket.number in desk.post(case(second), facts).content.decode()
    desk.post(case(second), facts | {"confirmed": "1"})

    merged = desk.get(case(ticket)).content.decode()
    assert second.number in merged
    second.refresh_from_db()
    assert second.duplicate_of == ticket


def test_a_rejected_case_is_reopened_from_its_page(desk: Client, ticket: Ticket) -> None:
    reject(ticket)

    desk.post(case(ticket), step(ticket, "reopen", confirmed="1"))

    ticket.refresh_from_db()
    assert ticket.state == "IN_PROGRESS"


def test_only_leads_hand_cases_to_others(desk: Client, ticket: Ticket, agent: User) -> None:
    hand = {"decision": "assign", "colleague": str(agent.pk)}
    assert desk.post(case(ticket), hand).status_code == 403
    agent.user_permissions.add(Permission.objects.get(codename="assign_ticket"))

    assert desk.post(case(ticket), hand).status_code == 302

    ticket.refresh_from_db()
    assert ticket.assignee == agent


@pytest.mark.parametrize("decision", ["ask", "refer", "duplicate", "claim", "release", "answer"])
def test_steps_need_the_permission(
    desk: Client, ticket: Ticket, agent: User, decision: str
) -> None:
    agent.user_permissions.set(Permission.objects.filter(codename="view_ticket"))

    assert desk.post(case(ticket), step(ticket, decision, confirmed="1")).status_code == 403


# Two people, one case


def test_a_case_changed_meanwhile_says_what_changed_and_keeps_the_words(
    desk: Client, ticket: Ticket
) -> None:
    old = step(ticket, "reject", reason="이미 들으셨어요. 긴 설명.")
    other = User.objects.create_user(
        "z@desk.test", "demo-only-Passw0rd", is_staff=True, name="김팀장"
    )
    tickets.claim(ticket_id=ticket.pk, user_id=other.pk, by=f"staff:{other.pk}", now=NOW)

    answer = desk.post(case(ticket), old)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "그사이 이 요청이 바뀌었어요" in page
    assert "김팀장: 맡음" in page
    assert "이미 들으셨어요. 긴 설명." in page
    ticket.refresh_from_db()
    assert ticket.state == "IN_PROGRESS"

    seen = re.findall(r'name="seen" value="(\d+)"', page)[0]
    assert desk.post(case(ticket), old | {"seen": seen}).status_code == 302


def test_a_decision_without_what_was_seen_is_not_taken(desk: Client, ticket: Ticket) -> None:
    assert desk.post(case(ticket), step(ticket, "reject", seen="")).status_code == 409


def test_after_a_decision_the_next_case_opens(
    desk: Client, ticket: Ticket, make: Make, agent: User
) -> None:
    somebody_elses, following = make(), make()
    other = User.objects.create_user("z@desk.test", "demo-only-Passw0rd", is_staff=True)
    tickets.claim(ticket_id=somebody_elses.pk, user_id=other.pk, by="staff:9", now=NOW)

    first = desk.post(case(ticket), step(ticket, "reject"))
    last = desk.post(case(following), step(following, "reject"))

    # From its top: the keyboard must not stand on the button that was pressed on the last page.
    assert first.headers["Location"] == f"{case(following)}#content-start"
    assert last.headers["Location"] == f"{QUEUE}#content-start"


# The customer's side


def test_the_customer_reads_the_question_and_answers(client: Client, ticket: Ticket) -> None:
    tickets.ask_customer(ticket_id=ticket.pk, question="언제 들으셨나요?", by="staff:1", now=NOW)
    tracked, page = f"/support/track/{ticket.token}/", f"/support/track/{ticket.token}/answer/"
    assert page in client.get(tracked).content.decode()
    assert "언제 들으셨나요?" in client.get(page).content.decode()

    empty = client.post(page, {"text": " "})
    resident = client.post(page, {"text": "900131-1234567"})
    sent = client.post(page, {"text": "아직 안 들었어요."})

    assert (empty.status_code, resident.status_code) == (422, 422)
    assert sent.headers["Location"] == tracked
    assert client.get(page).headers["Location"] == tracked
    ticket.refresh_from_db()
    assert ticket.state == "IN_PROGRESS"


def test_what_the_merchant_is_asked_is_on_no_page_of_the_customer(
    client: Client, ticket: Ticket
) -> None:
    tickets.ask_merchant(ticket_id=ticket.pk, question="상습범인가요?", by="staff:1", now=NOW)

    for page in ("", "answer/"):
        shown = client.get(f"/support/track/{ticket.token}/{page}", follow=True)
        assert "상습범" not in shown.content.decode()
