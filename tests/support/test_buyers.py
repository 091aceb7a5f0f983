"""The owner of a line asks who bought with it: the seller tells, in three days, on the trail."""

from datetime import date, datetime, timedelta

import pytest

from payments import encryption, retention
from payments.calendar import SEOUL
from payments.models import Merchant, Message, Payment
from payments.states import IllegalMove
from portal.models import User
from support import audit, buyers, papers, progress, revealing, steps, tasks, tickets
from support.models import AuditEntry, Ticket
from support.revealing import Item
from tests.support.factories import NOW, reject

BORN = date(1988, 3, 2)
WORDS = "판매자가 구매자 정보를 알려 왔어요."


@pytest.fixture
def owner(merchant: Merchant) -> User:
    return User.objects.create_user("owner@tune.test", merchant=merchant)


@pytest.fixture
def asked(payment: Payment) -> Ticket:
    return buyers.ask(payment=payment, question="누가 샀나요?", language="ko", now=NOW)


def tell(ticket: Ticket, owner: User, *, now: datetime = NOW) -> Ticket:
    return buyers.tell(
        ticket_id=ticket.pk,
        name="홍길동",
        birthdate=BORN,
        words=WORDS,
        user_id=owner.pk,
        address="10.0.0.7",
        now=now,
    )


def test_the_seller_is_asked_at_once_and_has_three_days_to_the_minute(asked: Ticket) -> None:
    # Monday 14:12; a weekend or a holiday would not stop it.
    assert asked.state == "WAITING_MERCHANT"
    assert asked.due_at == datetime(2026, 11, 26, 14, 12, tzinfo=SEOUL)
    mail = Message.objects.get(kind="ticket_referred")
    # Nobody shall answer by mail who bought.
    assert not mail.reply_to
    assert mail.to_masked.endswith("@tune.test")
    for said in ("11월 26일 14:12까지", "구매자정보", "제58조의2", "누가 샀나요?"):
        assert said in mail.text
    assert "9000" not in mail.text


def test_what_the_seller_tells_ends_the_case_and_no_notice_holds_it(
    asked: Ticket, owner: User
) -> None:
    told = tell(asked, owner)
    tasks.notify_ticket_answered(subject_id=told.pk)

    assert (told.state, told.decided_by, told.buyer.given_by) == ("ANSWERED", "merchant", owner)
    assert (told.buyer.name, told.buyer.birthdate) == ("홍길동", "1988-03-02")
    sent = Message.objects.get(kind="ticket_answered").text
    assert WORDS in sent
    assert "본인 확인 뒤 받기" in sent
    for message in Message.objects.all():
        assert "홍길동" not in message.text
        assert "1988" not in message.text


def test_telling_and_every_look_are_on_the_trail_with_whose_line_it_is(
    asked: Ticket, owner: User
) -> None:
    told = tell(asked, owner)

    for _ in range(2):
        found = buyers.look(told, actor="owner", address="10.0.0.8", now=NOW)
        assert found == ("홍길동", "1988-03-02")

    entries = list(AuditEntry.objects.order_by("pk"))
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("PROVIDED", f"merchant:{owner.pk}"),
        ("REVEALED", "owner"),
        ("REVEALED", "owner"),
    ]
    assert {entry.person for entry in entries} == {told.phone_bidx}
    assert {entry.subject for entry in entries} == {f"ticket:{told.pk}:buyer"}
    assert list(audit.broken()) == []


def test_the_answer_can_be_had_for_two_weeks_and_is_then_destroyed(
    asked: Ticket, owner: User
) -> None:
    told = tell(asked, owner)
    last = NOW + papers.SHOWN_FOR
    assert papers.until(told) == last
    assert papers.ready(told.phone_bidx, now=last - timedelta(seconds=1)) == [told]
    assert papers.ready(told.phone_bidx, now=last) == []
    with pytest.raises(buyers.NotThere):
        buyers.look(told, actor="owner", address="", now=last)

    for day in (last, last + timedelta(seconds=1)):
        retention.purge(held=Ticket.objects.none(), now=day, rules=[buyers.RETENTION])

    told.buyer.refresh_from_db()
    assert (told.buyer.name_sealed, told.buyer.birthdate_sealed) == ("", "")
    assert told.buyer.given_by == owner


def test_what_was_told_lies_sealed(asked: Ticket, owner: User) -> None:
    told = tell(asked, owner).buyer

    assert "홍길동" not in told.name_sealed
    with pytest.raises(encryption.Unreadable):
        encryption.unseal(told.name_sealed, place="buyer.birthdate")


def test_a_cause_not_to_tell_goes_to_the_desk_before_the_customer(asked: Ticket) -> None:
    declined = buyers.decline(ticket_id=asked.pk, cause="회원이 아니에요", now=NOW)

    assert declined.state == "IN_PROGRESS"
    assert "회원이 아니에요" not in [turn.text for turn in progress.of(declined, now=NOW).talk]
    refused = reject(declined, reason="판매자에게 회원 정보가 없어요")
    tasks.notify_ticket_rejected(subject_id=refused.pk)
    sent = Message.objects.get(kind="ticket_rejected").text
    assert "정보통신망법 제58조의2" in sent
    assert "돈은" not in sent


def test_only_what_waits_for_the_seller_can_be_answered(asked: Ticket, owner: User) -> None:
    tell(asked, owner)

    with pytest.raises(IllegalMove):
        tell(asked, owner)
    with pytest.raises(IllegalMove):
        buyers.decline(ticket_id=asked.pk, cause="늦었어요", now=NOW)


def test_a_case_of_another_kind_has_no_buyer_to_tell(ticket: Ticket, owner: User) -> None:
    tickets.ask_merchant(ticket_id=ticket.pk, question="썼나요?", by="staff:1", now=NOW)

    with pytest.raises(IllegalMove):
        tell(ticket, owner)


def test_after_three_days_the_case_is_late_and_can_still_be_answered(
    asked: Ticket, owner: User
) -> None:
    late = asked.due_at + timedelta(minutes=1)

    told = tell(asked, owner, now=late)

    assert told.decided_at == late
    assert told.due_at < late


def test_a_request_is_open_once_and_can_be_made_again_after_its_end(
    asked: Ticket, payment: Payment
) -> None:
    with pytest.raises(tickets.AlreadyOpen):
        buyers.ask(payment=payment, question="누가 샀나요?", language="ko", now=NOW)
    reject(asked)

    assert buyers.ask(payment=payment, question="누가?", language="ko", now=NOW) != asked


def test_an_agent_sees_that_it_was_told_and_reads_it_for_a_reason_only(
    asked: Ticket, owner: User
) -> None:
    told = tell(asked, owner)
    assert Item.BUYER in revealing.items(told)

    entry = revealing.ask(
        told, Item.BUYER, reason="고객이 물어요", actor="staff:1", address="", now=NOW
    )

    shown = revealing.shown(told, entry, actor="staff:1", now=NOW)
    assert shown is not None
    assert shown[1] == ["홍길동", "1988-03-02"]


def test_a_seller_sees_its_own_requests_and_those_that_were_passed_on(
    asked: Ticket, merchant: Merchant
) -> None:
    other = Merchant.objects.create(slug="other", name="다른 가게", phone="02", email="o@o.test")

    assert list(buyers.requests_of(merchant)) == [asked]
    assert list(buyers.requests_of(other)) == []
    buyers.decline(ticket_id=asked.pk, cause="없어요", now=NOW)
    assert list(buyers.requests_of(merchant)) == []


def test_referring_it_to_the_seller_needs_no_words_of_the_agents_own(asked: Ticket) -> None:
    tickets.merchant_answered(ticket_id=asked.pk, text="다시", by="merchant", now=NOW)
    asked.refresh_from_db()

    [refer] = [step for step in steps.available(asked) if step.name == steps.REFER]

    assert "성명과 생년월일" in refer.suggestion


def test_a_history_is_ready_behind_the_door_for_two_weeks(payment: Payment) -> None:
    ticket = Ticket(kind="H", reason="OTHER", accepted_at=NOW, due_at=tickets.answer_due("H", NOW))
    ticket.set_contact(phone=payment.phone, email="")
    tickets.file(ticket, now=NOW, by="staff:1")
    assert ticket.due_at == NOW + timedelta(days=14)

    answered = tickets.answer(ticket_id=ticket.pk, text="준비했어요", by="staff:1", now=NOW)
    tasks.notify_ticket_answered(subject_id=ticket.pk)

    assert papers.ready(payment.phone_bidx, now=NOW) == [answered]
    assert "본인 확인 뒤 받기" in Message.objects.get(kind="ticket_answered").text
    state = progress.of(answered, now=NOW)
    assert state.has_papers
    assert state.headline == "구매내역을 준비했어요"
    assert not progress.of(answered, now=NOW + papers.SHOWN_FOR).has_papers
