"""Working on a case between its arrival and its end: whose it is, who is asked, what is linked."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from payments.models import Message, Payment
from payments.states import IllegalMove
from portal.models import User
from support import tasks, tickets
from support.models import Ticket, TicketMessage
from support.states import TicketState
from tests.support.factories import NOW, PHONE, approve, open_ticket, reject

ME, LATER = "staff:1", NOW + timedelta(hours=2)


@pytest.fixture
def colleague(db: None) -> User:
    return User.objects.create_user("second@desk.test", "demo-only-Passw0rd", is_staff=True)


def texts(kind: str) -> list[str]:
    return [message.text for message in Message.objects.filter(kind=kind).order_by("pk")]


def ask(ticket: Ticket, **changes: object) -> Ticket:
    arguments = {"ticket_id": ticket.pk, "question": "언제 들으셨나요?", "by": ME, "now": NOW}
    return tickets.ask_customer(**(arguments | changes))  # type: ignore[arg-type]


def refer(ticket: Ticket) -> Ticket:
    return tickets.ask_merchant(ticket_id=ticket.pk, question="사용 기록이 있나요?", by=ME, now=NOW)


def test_claim_takes_a_free_case_and_starts_it(ticket: Ticket, agent: User) -> None:
    claimed = tickets.claim(ticket_id=ticket.pk, user_id=agent.pk, by=ME, now=NOW)

    assert (claimed.assignee_id, claimed.state) == (agent.pk, TicketState.IN_PROGRESS)
    assert ticket.events.filter(event="ticket.claimed").count() == 1


def test_claim_again_changes_nothing(ticket: Ticket, agent: User) -> None:
    for _ in range(2):
        tickets.claim(ticket_id=ticket.pk, user_id=agent.pk, by=ME, now=NOW)

    assert ticket.events.filter(event="ticket.claimed").count() == 1


def test_claim_of_somebody_elses_case_is_refused(
    ticket: Ticket, agent: User, colleague: User
) -> None:
    tickets.claim(ticket_id=ticket.pk, user_id=colleague.pk, by="staff:2", now=NOW)

    with pytest.raises(tickets.AlreadyTaken):
        tickets.claim(ticket_id=ticket.pk, user_id=agent.pk, by=ME, now=NOW)


def test_assign_hands_over_and_release_frees(ticket: Ticket, agent: User, colleague: User) -> None:
    tickets.claim(ticket_id=ticket.pk, user_id=agent.pk, by=ME, now=NOW)
    assigned = tickets.assign(ticket_id=ticket.pk, user_id=colleague.pk, by=ME, now=NOW)
    assert assigned.assignee_id == colleague.pk

    released = tickets.release(ticket_id=ticket.pk, by=ME, now=NOW)

    assert (released.assignee_id, released.state) == (None, TicketState.IN_PROGRESS)


def test_a_closed_case_is_nobodys_to_take(ticket: Ticket, agent: User) -> None:
    reject(ticket)

    with pytest.raises(IllegalMove):
        tickets.claim(ticket_id=ticket.pk, user_id=agent.pk, by=ME, now=NOW)


def test_ask_customer_texts_the_question_and_waits(ticket: Ticket) -> None:
    asked = ask(ticket)

    assert asked.state == TicketState.WAITING_CUSTOMER
    [text] = texts("ticket_question")
    assert "언제 들으셨나요?" in text
    assert ticket.token in text


def test_ask_customer_needs_words_and_waits_once(ticket: Ticket) -> None:
    with pytest.raises(tickets.ReasonMissing):
        ask(ticket, question="  ")
    ask(ticket)

    with pytest.raises(IllegalMove):
        ask(ticket, question="또 하나요")

    assert len(texts("ticket_question")) == 1


@pytest.mark.parametrize("by", [tickets.SHOPPER, ME])
def test_the_answer_is_kept_as_the_customers_words(ticket: Ticket, by: str) -> None:
    ask(ticket)

    answered = tickets.customer_answered(ticket_id=ticket.pk, text="안 들었어요", by=by, now=NOW)

    assert answered.state == TicketState.IN_PROGRESS
    said = ticket.messages.last()
    assert said is not None
    assert (said.author, said.text) == (tickets.SHOPPER, "안 들었어요")


def test_an_answer_nobody_waits_for_is_refused(ticket: Ticket) -> None:
    for answer in (tickets.customer_answered, tickets.merchant_answered):
        with pytest.raises(IllegalMove):
            answer(ticket_id=ticket.pk, text="네", by=tickets.SHOPPER, now=NOW)


def test_the_merchant_is_asked_by_mail_without_a_person_in_it(
    ticket: Ticket, payment: Payment
) -> None:
    assert refer(ticket).state == TicketState.WAITING_MERCHANT

    mail = Message.objects.get(kind="ticket_referred")
    assert (mail.channel, mail.to) == ("EMAIL", payment.merchant.email)
    assert payment.reference in mail.text
    assert "사용 기록이 있나요?" in mail.text
    for personal in (PHONE, PHONE[-4:], "1990", ticket.token):
        assert personal not in mail.text


def test_what_the_merchant_says_is_not_for_the_customer(ticket: Ticket) -> None:
    refer(ticket)

    tickets.merchant_answered(ticket_id=ticket.pk, text="사용 안 함", by=ME, now=NOW)

    parties = dict(ticket.messages.values_list("text", "party"))
    assert parties["사용 기록이 있나요?"] == parties["사용 안 함"] == TicketMessage.Party.MERCHANT
    assert not [text for text in texts("ticket_question") if "사용" in text]


def test_a_duplicate_closes_and_is_named_in_the_first_case(
    ticket: Ticket, pay: Callable[..., Payment]
) -> None:
    second = open_ticket(pay())

    tickets.mark_duplicate(
        ticket_id=second.pk, first_id=ticket.pk, reason="두 번 보내셨어요.", by=ME, now=NOW
    )

    second.refresh_from_db()
    assert (second.state, second.duplicate_of) == (TicketState.DUPLICATE, ticket)
    assert ticket.events.get(event="ticket.merged").reason == second.number
    [text] = texts("ticket_duplicate")
    assert ticket.number in text
    assert "두 번 보내셨어요." in text


@pytest.mark.parametrize("first", ["itself", "closed", "a stranger's", "nothing"])
def test_a_duplicate_is_only_of_an_open_case_of_the_same_line(
    ticket: Ticket, pay: Callable[..., Payment], first: str
) -> None:
    phone = "+821090000001" if first == "a stranger's" else PHONE
    other = open_ticket(pay(phone=phone))
    if first == "closed":
        reject(other)
    first_id = {"itself": ticket.pk, "nothing": 4711}.get(first, other.pk)

    with pytest.raises(tickets.NotTheSameMatter):
        tickets.mark_duplicate(
            ticket_id=ticket.pk, first_id=first_id, reason="같아요", by=ME, now=NOW
        )

    ticket.refresh_from_db()
    assert ticket.state == TicketState.NEW


def test_reopen_starts_a_rejected_case_anew_and_says_so(ticket: Ticket) -> None:
    reject(ticket)

    reopened = tickets.reopen(ticket_id=ticket.pk, reason="새 증거가 왔어요.", by=ME, now=LATER)

    assert reopened.state == TicketState.IN_PROGRESS
    assert (reopened.decision_reason, reopened.decided_at) == ("", None)
    assert reopened.due_at > ticket.accepted_at
    assert len(texts("ticket_reopened")) == 1
    assert "새 증거" not in "".join(texts("ticket_reopened"))


def test_a_second_no_after_reopening_is_told_as_well(ticket: Ticket) -> None:
    reject(ticket)
    tasks.notify_ticket_rejected(subject_id=ticket.pk)
    tickets.reopen(ticket_id=ticket.pk, reason="다시 봅니다.", by=ME, now=LATER)
    reject(ticket, reason="다시 봐도 쓰셨어요.")

    for _ in range(2):
        tasks.notify_ticket_rejected(subject_id=ticket.pk)

    assert len(texts("ticket_rejected")) == 2


@pytest.mark.parametrize("state", ["open", "approved"])
def test_reopen_is_for_a_no_only(ticket: Ticket, state: str) -> None:
    if state == "approved":
        approve(ticket)

    with pytest.raises(IllegalMove):
        tickets.reopen(ticket_id=ticket.pk, reason="다시", by=ME, now=LATER)


def test_reopen_leads_to_the_request_that_was_made_since(ticket: Ticket, payment: Payment) -> None:
    reject(ticket)
    standing = open_ticket(payment)

    with pytest.raises(tickets.AlreadyOpen) as caught:
        tickets.reopen(ticket_id=ticket.pk, reason="다시", by=ME, now=LATER)

    assert caught.value.ticket == standing


@pytest.mark.parametrize("change", ["note", "claim", "answer"])
def test_a_decision_on_an_old_screen_changes_nothing(
    ticket: Ticket, colleague: User, change: str
) -> None:
    if change == "answer":
        ask(ticket)
    seen = tickets.last_change(ticket)
    if change == "note":
        tickets.add_note(ticket_id=ticket.pk, text="잠깐만요", by="staff:2", now=NOW)
    elif change == "claim":
        tickets.claim(ticket_id=ticket.pk, user_id=colleague.pk, by="staff:2", now=NOW)
    else:
        tickets.customer_answered(ticket_id=ticket.pk, text="네", by=tickets.SHOPPER, now=NOW)

    with pytest.raises(tickets.ChangedMeanwhile) as caught:
        approve(ticket, seen=seen)

    assert caught.value.events
    ticket.refresh_from_db()
    assert ticket.refund is None
    approve(ticket, seen=tickets.last_change(ticket))
