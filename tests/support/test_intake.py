"""A request by telephone, fax or letter: the same rules as the shopper's own, taken down by us."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from payments import lines, refunds
from payments.calendar import NotPaid
from payments.models import Message, Payment, SettlementHold
from payments.models.payments import holder_index
from payments.states import PaymentState
from portal.models import User
from support import desk, intake, tasks, tickets
from support.intake import Taken
from support.models import Ticket
from support.states import TicketState
from tests.support.factories import NOW, PHONE, open_ticket, reject

URL = "/admin/support/ticket/new/"
Kind = Ticket.Kind
HEARD = {
    "source": "PHONE",
    "phone": "010 9000 0000",
    "kind": "C",
    "reason": "CHANGE_OF_MIND",
    "text": "잘못 눌렀대요.",
    "contact": "SMS",
    "language": "ko",
}


def take(kind: str, payment: Payment | None = None, **changes: str) -> Ticket:
    facts = {
        "phone": PHONE,
        "reason": "OTHER",
        "text": "전화로 물었어요",
        "email": "",
        "contact": "SMS",
        "source": "PHONE",
        "language": "ko",
    }
    taken = Taken(kind=Kind(kind), **(facts | changes))
    return intake.take(taken, payment=payment, by="staff:7", now=NOW)


# What is opened


def test_a_cancellation_by_telephone_is_the_shoppers_with_the_agent_in_its_history(
    payment: Payment,
) -> None:
    ticket = take("C", payment, reason="MISDESCRIBED")

    [arrival] = ticket.events.all()
    assert (ticket.kind, ticket.state, ticket.source) == ("C", "NEW", "PHONE")
    assert (arrival.actor, arrival.event) == ("staff:7", "ticket.received")
    assert desk.ticket_words(arrival) == "취소 요청 (전화)"
    assert ticket.due_at == open_ticket_due()
    assert [said.author for said in ticket.messages.all()] == ["shopper"]
    assert ticket.phone_bidx == payment.phone_bidx


def open_ticket_due() -> Any:
    return tickets.answer_due("C", NOW)


def test_an_objection_by_telephone_holds_the_money_and_leaves_the_line_open(
    payment: Payment,
) -> None:
    ticket = take("O", payment, reason="DUPLICATE")

    hold = SettlementHold.objects.get(payment=payment)
    assert (hold.reason, hold.held_by, hold.released_at) == (ticket.number, "staff:7", None)
    holder = lines.Holder(
        phone=PHONE,
        phone_bidx=payment.phone_bidx,
        holder_bidx=holder_index(PHONE, date(1990, 1, 31)),
    )
    assert not lines.rules_of(holder, now=NOW).is_blocked
    assert not ticket.is_priority

    reject(ticket)

    assert SettlementHold.objects.get(payment=payment).released_at is not None


@pytest.mark.parametrize("kind", ["C", "O", "B"])
def test_what_is_about_a_payment_needs_one(db: None, kind: str) -> None:
    with pytest.raises(intake.PaymentMissing):
        take(kind)

    assert not Ticket.objects.exists()


@pytest.mark.parametrize("kind", ["H", "E"])
def test_what_is_about_none_needs_none(db: None, kind: str) -> None:
    ticket = take(kind)

    assert (ticket.payment, ticket.masked_phone) == (None, "010-****-0000")
    tasks.notify_ticket_received(subject_id=ticket.pk)
    assert "None" not in Message.objects.get().text


def test_a_history_is_of_the_whole_line_whatever_was_chosen(payment: Payment) -> None:
    assert take("H", payment).payment is None


def test_only_what_was_paid_can_be_asked_back(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.DECLINED)
    payment.refresh_from_db()

    with pytest.raises(NotPaid):
        take("C", payment)
    assert take("E", payment).payment == payment


def test_what_is_given_back_already_is_not_asked_for_again(payment: Payment) -> None:
    with (
        mock.patch.object(refunds, "remaining_won", return_value=0),
        pytest.raises(refunds.UnableToRefund),
    ):
        take("C", payment)


# One matter, one open case


@pytest.mark.parametrize(("first", "second"), [("C", "C"), ("C", "O"), ("O", "C"), ("B", "B")])
def test_the_same_matter_of_a_payment_is_open_once(
    payment: Payment, first: str, second: str
) -> None:
    standing = take(first, payment)

    with pytest.raises(tickets.AlreadyOpen) as caught:
        take(second, payment)

    assert caught.value.ticket == standing


@pytest.mark.parametrize("kind", ["H", "E"])
def test_the_same_question_of_a_line_is_open_once(db: None, kind: str) -> None:
    standing = take(kind)
    take(kind, phone="+821090000001")

    with pytest.raises(tickets.AlreadyOpen) as caught:
        take(kind)

    assert caught.value.ticket == standing


def test_a_question_does_not_stand_in_the_way_of_the_money(payment: Payment) -> None:
    take("B", payment)
    take("E", payment)

    assert take("C", payment).state == TicketState.NEW


def test_a_question_that_ended_does_not_stand_in_the_way_of_the_next(db: None) -> None:
    first = take("E")
    tickets.answer(ticket_id=first.pk, text="이렇게 해요", by="staff:7", now=NOW)

    assert take("E") != first


# How it ends


def test_a_question_ends_with_words_and_no_money(payment: Payment) -> None:
    ticket = take("E", payment)

    answered = tickets.answer(ticket_id=ticket.pk, text="다음 달에 나와요", by="staff:7", now=NOW)

    assert (answered.state, answered.decision_reason) == ("ANSWERED", "다음 달에 나와요")
    assert answered.refund is None
    tasks.notify_ticket_answered(subject_id=ticket.pk)
    assert "다음 달에 나와요" in Message.objects.get(kind="ticket_answered").text
    ticket.refresh_from_db()
    assert ticket.result_notified_at is not None


@pytest.mark.parametrize("kind", ["C", "O"])
def test_what_is_about_money_does_not_end_with_words(payment: Payment, kind: str) -> None:
    ticket = take(kind, payment)

    with pytest.raises(tickets.states.IllegalMove):
        tickets.answer(ticket_id=ticket.pk, text="안 돼요", by="staff:7", now=NOW)


@pytest.mark.parametrize("kind", ["B", "E"])
def test_a_question_gives_no_money_back(payment: Payment, kind: str) -> None:
    ticket = take(kind, payment)

    with pytest.raises(tickets.NothingToRefund):
        tickets.approve(
            ticket_id=ticket.pk, expected_remaining_won=2_200, reason="네", by="staff:7", now=NOW
        )


def test_an_answer_is_looked_at_again(db: None) -> None:
    ticket = take("E")
    tickets.answer(ticket_id=ticket.pk, text="이렇게 해요", by="staff:7", now=NOW)

    again = tickets.reopen(ticket_id=ticket.pk, reason="더 물어요", by="staff:7", now=NOW)

    assert (again.state, again.decision_reason) == ("IN_PROGRESS", "")


def test_a_request_for_money_is_not_merged_into_a_question(payment: Payment) -> None:
    question, wish = take("E", payment), take("C", payment)

    with pytest.raises(tickets.NotTheSameMatter):
        tickets.mark_duplicate(
            ticket_id=wish.pk, first_id=question.pk, reason="같음", by="staff:7", now=NOW
        )
    merged = tickets.mark_duplicate(
        ticket_id=question.pk, first_id=wish.pk, reason="같음", by="staff:7", now=NOW
    )
    assert merged.duplicate_of == wish


# Where the answer goes


@pytest.mark.parametrize(
    ("contact", "email", "channels"),
    [("SMS", "", {"SMS"}), ("EMAIL", "minji@mail.test", {"EMAIL"})],
)
def test_the_customer_is_told_where_they_want(
    pay: Callable[..., Payment], contact: str, email: str, channels: set[str]
) -> None:
    payment = pay(email="receipt@mail.test")
    for ticket in (
        take("C", payment, contact=contact, email=email),
        take("E", contact=contact, email=email),
    ):
        tasks.notify_ticket_received(subject_id=ticket.pk)
        tasks.notify_ticket_rejected(subject_id=reject(ticket).pk)

    assert {message.channel for message in Message.objects.all()} == channels
    assert Message.objects.count() == 4


# The page


@pytest.fixture
def desk_of(client: Client, agent: User) -> Iterator[Client]:
    client.force_login(agent)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


def test_a_case_is_opened_from_what_was_typed(
    desk_of: Client, payment: Payment, agent: User
) -> None:
    answer = desk_of.post(URL, HEARD | {"payment": payment.reference})

    ticket = Ticket.objects.get()
    assert answer.headers["Location"] == f"/admin/support/ticket/{ticket.pk}/change/"
    assert (ticket.text, ticket.source) == ("잘못 눌렀대요.", "PHONE")
    assert ticket.events.get().actor == f"staff:{agent.pk}"


@pytest.mark.parametrize("phone", ["01090000000", "+82 10-9000-0000", "010.9000.0000"])
def test_while_a_number_is_typed_its_payments_are_shown_masked_and_nothing_is_saved(
    desk_of: Client, payment: Payment, phone: str
) -> None:
    answer = desk_of.post(URL, HEARD | {"phone": phone}, headers={"HX-Request": "true"})

    page = answer.content.decode()
    assert "<html" not in page
    assert payment.reference in page
    assert "010-****-0000" in page
    assert "9000-0000" not in page
    assert not Ticket.objects.exists()


def test_half_a_number_shows_nothing_and_is_no_error_yet(desk_of: Client, payment: Payment) -> None:
    page = desk_of.post(URL, {"phone": "010-9000"}, headers={"HX-Request": "true"}).content.decode()

    assert payment.reference not in page
    assert "오류" not in page


def test_without_scripts_a_button_looks_and_keeps_what_was_typed(
    desk_of: Client, payment: Payment
) -> None:
    typed = HEARD | {"find": "1", "kind": "", "email": "minji@mail.test"}
    page = desk_of.post(URL, typed).content.decode()

    assert payment.reference in page
    for kept in (HEARD["phone"], HEARD["text"], "minji@mail.test"):
        assert kept in page
    assert "오류" not in page
    assert not Ticket.objects.exists()


def test_a_line_shows_its_newest_payments_in_a_bounded_number_of_statements(
    desk_of: Client, pay: Callable[..., Payment], django_assert_max_num_queries: Any
) -> None:
    made = [pay() for _ in range(intake.SHOWN + 2)]

    with django_assert_max_num_queries(12):
        page = desk_of.post(URL, HEARD, headers={"HX-Request": "true"}).content.decode()

    shown = [payment for payment in made if payment.reference in page]
    assert len(shown) == intake.SHOWN
    assert made[-1] in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phone": ""}, "휴대전화번호를 입력하세요"),
        ({"phone": "02-555-0100"}, "010으로 시작하는"),
        ({"kind": ""}, "요청 종류를 골라 주세요"),
        ({"reason": ""}, "이유를 하나 골라 주세요"),
        ({"payment": ""}, "어느 결제에 관한 것인지"),
        ({"payment": "PB-XXXX-XXXX"}, "이 번호로 한 결제가 아니에요"),
        ({"text": "900131-1234567"}, "주민등록번호는 받지 않아요"),
        ({"kind": "E", "text": ""}, "무엇을 묻는지"),
        ({"contact": "EMAIL"}, "답을 받을 이메일을"),
        ({"contact": "EMAIL", "email": "minji"}, "name@example.kr처럼"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    desk_of: Client, payment: Payment, changes: dict[str, str], said: str
) -> None:
    typed = HEARD | {"payment": payment.reference, "text": "두 번 눌렸대요"} | changes
    answer = desk_of.post(URL, typed)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert not Ticket.objects.exists()
    for name in ("phone", "text", "email"):
        assert typed.get(name, "") in page


def test_an_open_case_of_the_same_matter_gets_the_words_and_is_shown(
    desk_of: Client, payment: Payment, agent: User
) -> None:
    standing = open_ticket(payment)

    answer = desk_of.post(URL, HEARD | {"payment": payment.reference}, follow=True)

    assert answer.redirect_chain[-1][0] == f"/admin/support/ticket/{standing.pk}/change/"
    assert f"이미 {standing.number} 요청이 열려 있어" in answer.content.decode()
    assert [said.text for said in standing.messages.all()] == ["잘못 눌렀어요.", "잘못 눌렀대요."]
    assert standing.events.last().actor == f"staff:{agent.pk}"  # type: ignore[union-attr]
    assert Ticket.objects.count() == 1


def test_the_queue_leads_to_it_who_may_change_cases(desk_of: Client, agent: User) -> None:
    link = f'href="{URL}" accesskey="n"'
    assert link in desk_of.get("/admin/support/ticket/").content.decode()

    agent.user_permissions.remove(agent.user_permissions.get(codename="change_ticket"))

    assert link not in desk_of.get("/admin/support/ticket/").content.decode()
    assert desk_of.get(URL).status_code == 403


# The desk with a case that is not about money


@pytest.mark.parametrize("kind", ["H", "E", "B"])
def test_queue_and_case_show_a_question_and_end_it_with_an_answer(
    desk_of: Client, payment: Payment, kind: str
) -> None:
    ticket = take(kind, payment if kind == "B" else None)
    case = f"/admin/support/ticket/{ticket.pk}/change/"
    queue = desk_of.get("/admin/support/ticket/").content.decode()
    assert ticket.number in queue
    assert ticket.get_kind_display() in queue
    page = desk_of.get(case).content.decode()
    assert 'value="close"' in page
    assert 'value="approve"' not in page
    assert "돌려줄 돈이 없는" not in page
    assert "전화" in page

    seen = tickets.last_change(ticket)
    assert desk_of.post(case, {"decision": "close", "seen": seen, "reason": ""}).status_code == 422
    desk_of.post(case, {"decision": "close", "seen": seen, "reason": "이렇게 해요"})

    ticket.refresh_from_db()
    assert (ticket.state, ticket.decision_reason) == ("ANSWERED", "이렇게 해요")
    assert "답변 완료" in desk_of.get(case).content.decode()
    track = desk_of.get(f"/support/track/{ticket.token}/").content.decode()
    assert "답을 드렸어요" in track
    assert "이렇게 해요" in track
