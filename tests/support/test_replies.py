"""Replies: written, on hold, sent or taken back; macros; and the customer's side of the talk."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from payments import states
from payments.models import Message, Payment
from portal.models import User
from support import macros, replies, tickets
from support.models import Macro, Reply, Ticket
from support.states import TicketState
from tests.support.factories import NOW, approve, open_ticket, reject

ME = "staff:1"
WORDS = "확인해 보니 파일이 잘 열려요."
LATER = NOW + replies.HOLD


def write(ticket: Ticket, text: str = WORDS, *, waits: bool = False) -> Reply:
    return replies.write(ticket_id=ticket.pk, text=text, waits=waits, by=ME, now=NOW)


def sent() -> list[tuple[str, str]]:
    rows = Message.objects.filter(kind="ticket_reply").order_by("pk")
    return [(row.channel, row.text) for row in rows]


# On hold


def test_nothing_leaves_while_a_reply_is_on_hold(ticket: Ticket) -> None:
    write(ticket)
    assert replies.send_due(now=LATER - timedelta(microseconds=1)) == 0
    assert sent() == []
    assert not ticket.messages.filter(author=ME).exists()


def test_a_reply_goes_by_text_when_its_time_is_over(ticket: Ticket) -> None:
    write(ticket)

    assert replies.send_due(now=LATER) == 1

    [(channel, text)] = sent()
    assert channel == "SMS"
    assert WORDS in text
    assert ticket.token in text
    assert ticket.messages.get(author=ME).text == WORDS


def test_a_reply_goes_by_mail_alone_when_the_customer_gave_an_address(
    pay: Callable[..., Payment],
) -> None:
    write(open_ticket(pay(email="a@example.kr")))
    replies.send_due(now=LATER)
    assert [channel for channel, _ in sent()] == ["EMAIL"]


def test_a_reply_is_sent_once(ticket: Ticket) -> None:
    write(ticket)
    assert [replies.send_due(now=LATER) for _ in range(3)] == [1, 0, 0]
    assert len(sent()) == 1


def test_a_reply_taken_back_never_leaves(ticket: Ticket) -> None:
    reply = write(ticket)
    replies.withdraw(reply_id=reply.pk, by=ME, now=NOW)
    assert replies.send_due(now=LATER) == 0
    assert sent() == []
    with pytest.raises(replies.TooLate):
        replies.withdraw(reply_id=reply.pk, by=ME, now=NOW)


def test_a_reply_that_left_is_not_taken_back(ticket: Ticket) -> None:
    reply = write(ticket)
    replies.send_due(now=LATER)
    with pytest.raises(replies.TooLate):
        replies.withdraw(reply_id=reply.pk, by=ME, now=LATER)


def test_a_colleagues_reply_is_not_taken_back(ticket: Ticket) -> None:
    reply = write(ticket)
    with pytest.raises(replies.TooLate):
        replies.withdraw(reply_id=reply.pk, by="staff:2", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_taking_back_waits_for_a_sweep_that_has_the_reply(ticket: Ticket) -> None:
    reply = write(ticket)
    outcome: list[str] = []

    def take_back() -> None:
        try:
            replies.withdraw(reply_id=reply.pk, by=ME, now=LATER)
            outcome.append("taken back")
        except replies.TooLate:
            outcome.append("too late")
        finally:
            connection.close()

    with transaction.atomic():
        assert replies._send_next(LATER)
        other = threading.Thread(target=take_back)
        other.start()
        other.join(0.5)
        assert outcome == []
    other.join(10)

    assert outcome == ["too late"]
    assert len(sent()) == 1


def test_the_case_waits_for_the_customer_once_such_a_reply_is_sent(ticket: Ticket) -> None:
    write(ticket, waits=True)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.NEW
    replies.send_due(now=LATER)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.WAITING_CUSTOMER
    assert ticket.is_clock_stopped


def test_a_reply_still_goes_when_the_case_was_decided_meanwhile(ticket: Ticket) -> None:
    write(ticket, waits=True)
    reject(ticket)
    replies.send_due(now=LATER)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.REJECTED
    assert len(sent()) == 1


def test_a_closed_case_is_not_replied_to(ticket: Ticket) -> None:
    reject(ticket)
    with pytest.raises(replies.Closed):
        write(ticket)


def test_my_own_reply_does_not_stop_my_decision_but_a_colleagues_does(ticket: Ticket) -> None:
    seen = tickets.last_change(ticket)
    write(ticket)
    replies.send_due(now=LATER)
    with pytest.raises(tickets.ChangedMeanwhile):
        approve(ticket, seen=seen, by="staff:2")
    assert approve(ticket, seen=seen, by=ME).state == TicketState.APPROVED


# Macros


def test_a_macro_is_filled_from_the_case(ticket: Ticket) -> None:
    text = "{요청번호} {상품} {판매자} {금액} {결제번호} {답변기한} {판매자전화}"
    reference = ticket.payment.reference if ticket.payment else ""
    assert macros.filled(text, ticket) == (
        f"{ticket.number} 밤 산책 멜로디 뮤직 2,200원 {reference} 11월 26일 18:00 02-555-0100"
    )


def test_every_gap_is_filled_for_a_case_without_a_payment(ticket: Ticket) -> None:
    ticket.payment = None
    for name in macros.NAMES:
        assert "{" not in macros.filled(f"{{{name}}}", ticket)


def test_a_macro_speaks_the_customers_language(ticket: Ticket) -> None:
    ticket.language = "en"
    assert macros.filled("{금액}", ticket) == "2,200 won"


def test_a_macro_is_offered_for_its_kind_while_it_is_used(ticket: Ticket) -> None:
    for name, facts in {
        "모두": {},
        "취소": {"kind": "C"},
        "이의": {"kind": "O"},
        "안 씀": {"is_active": False},
    }.items():
        Macro.objects.create(name=name, text="네", **facts)
    assert [macro.name for macro in macros.offered(ticket)] == ["모두", "취소"]


# The desk


@pytest.fixture
def desk(client: Client, agent: User) -> Iterator[Client]:
    agent.user_permissions.add(
        *Permission.objects.filter(content_type__app_label="support", codename__contains="macro")
    )
    client.force_login(agent)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


def case(ticket: Ticket) -> str:
    return f"/admin/support/ticket/{ticket.pk}/change/"


def reply_form(ticket: Ticket, **changes: str) -> dict[str, str]:
    seen = str(tickets.last_change(ticket))
    return {"decision": "reply", "reason": WORDS, "seen": seen} | changes


def test_a_reply_is_shown_word_for_word_before_it_is_put_on_hold(
    desk: Client, ticket: Ticket
) -> None:
    shown = desk.post(case(ticket), reply_form(ticket, waits="1")).content.decode()
    assert "고객이 받을 문자" in shown
    assert f"답을 드려요: {WORDS}" in shown
    assert "보내면 고객의 답을 기다려요." in shown
    assert not Reply.objects.exists()

    answer = desk.post(case(ticket), reply_form(ticket, waits="1", confirmed="1"))

    assert answer["Location"] == case(ticket)
    assert Reply.objects.get().waits
    assert "답장 거두기" in desk.get(case(ticket)).content.decode()


def test_lines_survive_the_confirmation(desk: Client, ticket: Ticket) -> None:
    text = '첫 줄 "따옴표"\n둘째 줄'
    shown = desk.post(case(ticket), reply_form(ticket, reason=text)).content.decode()
    assert "<textarea hidden" in shown
    assert "첫 줄 &quot;따옴표&quot;\n둘째 줄</textarea>" in shown


def test_an_agent_takes_a_reply_back(desk: Client, ticket: Ticket) -> None:
    desk.post(case(ticket), reply_form(ticket, confirmed="1"))
    form = {"decision": "take-back", "reply": str(Reply.objects.get().pk)}
    shown = desk.post(case(ticket), form, follow=True).content.decode()
    assert "답장을 거뒀어요" in shown
    assert WORDS not in shown

    late = desk.post(case(ticket), form)

    assert late.status_code == 409
    assert "이미 나간 답장이라 거둘 수 없어요." in late.content.decode()


def test_a_macro_fills_the_reply(desk: Client, ticket: Ticket) -> None:
    macro = Macro.objects.create(name="확인", text="{상품} 건을 확인했어요.", waits=True)
    shown = desk.get(case(ticket), {"macro": macro.pk}).content.decode()
    assert ">밤 산책 건을 확인했어요.</textarea>" in shown
    assert 'name="waits" value="1" checked' in shown


@pytest.mark.parametrize("macro", ["", "x", "999999", "' OR 1"])
def test_a_senseless_macro_fills_nothing(desk: Client, ticket: Ticket, macro: str) -> None:
    assert desk.get(case(ticket), {"macro": macro}).status_code == 200


@pytest.mark.parametrize("reason", ["", "900131-1234567", "가" * 301])
def test_an_unfit_reply_is_refused_beside_its_field(
    desk: Client, ticket: Ticket, reason: str
) -> None:
    answer = desk.post(case(ticket), reply_form(ticket, reason=reason))
    assert answer.status_code == 422
    assert 'id="reply-error"' in answer.content.decode()


def test_a_macro_with_an_unknown_gap_is_refused(desk: Client) -> None:
    form = {"name": "인사", "text": "{손님} 안녕하세요", "is_active": "on"}
    answer = desk.post("/admin/support/macro/add/", form)
    assert "모르는 빈칸이에요: {손님}" in answer.content.decode()
    desk.post("/admin/support/macro/add/", form | {"text": "{상품} 안녕하세요"})
    assert Macro.objects.get().text == "{상품} 안녕하세요"


# The customer's side


def track(ticket: Ticket) -> str:
    return f"/support/track/{ticket.token}/"


def test_both_sides_of_the_talk_are_on_the_track_page_and_nothing_else(
    client: Client, ticket: Ticket
) -> None:
    tickets.add_note(ticket_id=ticket.pk, text="속으로 하는 말", by=ME, now=NOW)
    tickets.ask_merchant(ticket_id=ticket.pk, question="판매자에게", by=ME, now=NOW)
    tickets.merchant_answered(ticket_id=ticket.pk, text="판매자의 말", by=ME, now=NOW)
    write(ticket)
    assert WORDS not in client.get(track(ticket)).content.decode()
    replies.send_due(now=LATER)

    page = client.get(track(ticket)).content.decode()

    assert "잘못 눌렀어요." in page
    assert WORDS in page
    for secret in ("속으로 하는 말", "판매자에게", "판매자의 말", ME):
        assert secret not in page


def test_the_track_page_shows_a_new_reply_when_it_asks_again(
    client: Client, ticket: Ticket
) -> None:
    asks = re.findall(r'hx-get="([^"]+)"', client.get(track(ticket)).content.decode())
    assert client.get(asks[0], headers={"HX-Request": "true"}).status_code == 204
    write(ticket)
    replies.send_due(now=LATER)
    assert WORDS in client.get(asks[0], headers={"HX-Request": "true"}).content.decode()


def test_a_customer_writes_unasked(client: Client, ticket: Ticket) -> None:
    answer = client.post(f"{track(ticket)}write/", {"text": "빨리 부탁해요."})
    assert answer["Location"] == track(ticket)
    assert "빨리 부탁해요." in client.get(track(ticket)).content.decode()
    ticket.refresh_from_db()
    assert ticket.state == TicketState.NEW


def test_what_a_customer_writes_answers_a_question_that_was_asked_meanwhile(
    client: Client, ticket: Ticket
) -> None:
    tickets.ask_customer(ticket_id=ticket.pk, question="언제요?", by=ME, now=NOW)
    client.post(f"{track(ticket)}write/", {"text": "어제요."})
    ticket.refresh_from_db()
    assert ticket.state == TicketState.IN_PROGRESS


def test_a_customer_writes_ten_times_an_hour(client: Client, ticket: Ticket) -> None:
    # The words of the request were the first.
    with mock.patch.object(timezone, "now", return_value=NOW):
        codes = [
            client.post(f"{track(ticket)}write/", {"text": f"{n}"}).status_code for n in range(10)
        ]
    assert codes == [302] * 9 + [422]


@pytest.mark.parametrize("text", ["", "900131-1234567", "가" * 1001])
def test_unfit_words_are_refused(client: Client, ticket: Ticket, text: str) -> None:
    answer = client.post(f"{track(ticket)}write/", {"text": text})
    assert answer.status_code == 422
    assert "aria-invalid" in answer.content.decode()


def test_a_closed_case_takes_no_more_words(client: Client, ticket: Ticket) -> None:
    reject(ticket)
    assert client.get(f"{track(ticket)}write/").status_code == 302
    with pytest.raises(states.IllegalMove):
        tickets.customer_wrote(ticket_id=ticket.pk, text="왜요?", now=NOW)
