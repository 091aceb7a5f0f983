"""An agent approves a part: what is shown first, what is said, and what it cannot break."""

from collections.abc import Iterator
from datetime import datetime
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone, translation

from payments import refunds
from payments.calendar import SEOUL, Parts
from payments.models import Message, Payment, Refund
from payments.refunds import sending
from portal.models import User
from portal.receipts import facts
from support import notices, progress, tickets
from support.models import Ticket
from tests.payments.test_parts import can
from tests.support.factories import NOW, approve, open_ticket

CLOSED = datetime(2026, 12, 2, 12, tzinfo=SEOUL)


@pytest.fixture
def desk(client: Client, agent: User) -> Iterator[Client]:
    client.force_login(agent)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


def case(ticket: Ticket) -> str:
    return f"/admin/support/ticket/{ticket.pk}/change/"


def typed(ticket: Ticket, amount: str, **changes: str) -> dict[str, str]:
    """What the form sends: 2,200 won were on the screen."""
    return {
        "decision": "approve",
        "reason": "절반만 쓰셨어요.",
        "amount": amount,
        "expected_remaining_won": "2200",
        "seen": str(tickets.last_change(ticket)),
    } | changes


def paid_back(refund: Refund | None) -> None:
    """The worker got through with it."""
    assert refund is not None
    for state in ("SENDING", "SUCCEEDED"):
        refund.confirmed_at = NOW
        refund.move_to(state, at=NOW, by="worker")
    sending._post(refund, at=NOW)
    tickets.resolve_for_refund(refund_id=refund.pk, now=NOW)


# At the desk


def test_a_part_is_shown_with_its_text_and_postings_before_it_is_approved(
    desk: Client, ticket: Ticket
) -> None:
    page = desk.post(case(ticket), typed(ticket, "1,100원")).content.decode()

    assert "승인하면: 2,200원 중 1,100원이 11월 휴대폰 요금에서 빠져요." in page
    assert "멜로디 뮤직 2,200원 중 1,100원 취소가 승인됐어요." in page
    assert [f'"number">{won}<' in page for won in ("-1,100", "1,015", "77", "8")] == [True] * 4
    assert "절반만 쓰셨어요." in page
    assert not Refund.objects.exists()


def test_a_confirmed_part_is_promised_and_the_rest_stays(
    desk: Client, ticket: Ticket, payment: Payment
) -> None:
    desk.post(case(ticket), typed(ticket, "1100", confirmed="1"))

    ticket.refresh_from_db()
    assert ticket.state == "APPROVED"
    assert payment.refunds.get().amount_won == 1_100
    assert refunds.remaining_won(payment) == 1_100


def test_all_of_it_is_approved_with_one_press(desk: Client, ticket: Ticket) -> None:
    desk.post(case(ticket), typed(ticket, "2,200"))

    assert Refund.objects.get().amount_won == 2_200


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("", "돌려줄 금액을 적어 주세요"),
        ("절반", "금액을 4000처럼 숫자로 적어 주세요"),
        ("-100", "금액을 4000처럼 숫자로 적어 주세요"),
        ("1100.5", "금액을 4000처럼 숫자로 적어 주세요"),
        ("１１００", "금액을 4000처럼 숫자로 적어 주세요"),
        ("9" * 30, "금액을 4000처럼 숫자로 적어 주세요"),
        ("0", "1원부터 돌려줄 수 있어요"),
        ("2201", "2,200원까지 돌려줄 수 있어요"),
    ],
)
def test_a_wrong_amount_is_named_and_nothing_typed_is_lost(
    desk: Client, ticket: Ticket, amount: str, says: str
) -> None:
    answer = desk.post(case(ticket), typed(ticket, amount, confirmed="1"))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    assert f'value="{amount}"' in page
    assert "절반만 쓰셨어요." in page
    assert not Refund.objects.exists()


def test_a_wrong_amount_and_a_missing_reason_are_both_named(desk: Client, ticket: Ticket) -> None:
    page = desk.post(case(ticket), typed(ticket, "0", reason=" ")).content.decode()

    assert "1원부터 돌려줄 수 있어요" in page
    assert "이유를 적어 주세요" in page


@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "1"}], ids=["looking", "confirming"])
def test_a_remainder_that_changed_is_told_and_nothing_typed_is_lost(
    desk: Client, ticket: Ticket, payment: Payment, confirmed: dict[str, str]
) -> None:
    refunds.request(
        payment_id=payment.pk,
        amount_won=700,
        expected_remaining_won=2_200,
        reason="part",
        by="test",
        now=NOW,
    )

    answer = desk.post(case(ticket), typed(ticket, "1100", **confirmed))

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "1,500원으로 바뀌었어요" in page
    assert 'name="expected_remaining_won" value="1500"' in page
    assert 'name="amount"' in page
    assert 'value="1100"' in page
    assert "절반만 쓰셨어요." in page
    assert payment.refunds.count() == 1


def test_a_part_of_an_operator_that_cannot_goes_to_an_account_and_says_why(
    desk: Client, ticket: Ticket, payment: Payment
) -> None:
    Payment.objects.filter(pk=payment.pk).update(carrier="LGU")

    shown = desk.get(case(ticket)).content.decode()
    confirm = desk.post(case(ticket), typed(ticket, "1100")).content.decode()

    why = "이 통신사는 일부 취소를 하지 않아요."
    assert f"일부만 적으면 계좌로 보내요. {why}" in shown
    assert "고객 계좌로 2,200원 중 1,100원을 보냅니다" in confirm
    assert "통신사가 일부 취소를 하지 않아 계좌로 돌려드려요." in confirm


def test_a_shop_that_gives_back_in_whole_only_offers_no_amount(
    desk: Client, ticket: Ticket, payment: Payment
) -> None:
    payment.merchant.parts = Parts.NEVER
    payment.merchant.save()

    shown = desk.get(case(ticket)).content.decode()
    answer = desk.post(case(ticket), typed(ticket, "1100"))
    forced = desk.post(case(ticket), typed(ticket, "1100", confirmed="1"))

    assert 'id="amount"' not in shown
    assert "남은 금액을 모두 돌려줄 때만" in shown
    assert (answer.status_code, forced.status_code) == (422, 409)
    assert "남은 금액을 모두 돌려줄 때만" in forced.content.decode()
    assert not Refund.objects.exists()


def test_nothing_can_be_approved_where_no_route_leads(
    client: Client, agent: User, ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    can(monkeypatch, has_bank_route=False)

    with mock.patch.object(timezone, "now", return_value=CLOSED):
        client.force_login(agent)
        page = client.get(case(ticket)).content.decode()

    assert "지금은 승인할 수 없어요" in page
    assert "통신사 취소 기한이 지났어요. 이 통신사 결제는 계좌로 돌려줄 계약이 없어요." in page
    assert 'value="approve"' not in page
    assert 'value="reject"' in page


# What the payer reads


def test_the_texts_about_a_part_name_it_and_the_whole(ticket: Ticket) -> None:
    refund = approve(ticket, amount_won=1_100).refund
    ticket.refresh_from_db()
    notices.send(notices.APPROVED, ticket, now=NOW)
    paid_back(refund)
    ticket.refresh_from_db()
    notices.send(notices.RESOLVED, ticket, now=NOW)

    approved, resolved = (message.text for message in Message.objects.order_by("pk"))

    assert "2,200원 중 1,100원 취소가 승인됐어요. 11월 휴대폰 요금에서 빠져요." in approved
    assert "2,200원 중 1,100원 취소가 끝났어요." in resolved


def test_the_tracking_page_of_a_part_says_how_much_of_what(ticket: Ticket) -> None:
    refund = approve(ticket, amount_won=1_100).refund
    ticket.refresh_from_db()
    assert progress.of(ticket, now=NOW).bill_line == "11월 요금에서 1,100원 빠져요"

    paid_back(refund)
    done = progress.of(Ticket.objects.get(pk=ticket.pk), now=NOW)

    assert done.headline == "2,200원 중 1,100원을 돌려드렸어요"
    assert (done.stamp.text, done.bill_line) == ("일부 환불됨", "11월 요금에서 1,100원 빠졌어요")


def test_the_rest_can_be_asked_for_and_then_everything_is_back(
    client: Client, ticket: Ticket, payment: Payment
) -> None:
    paid_back(approve(ticket, amount_won=1_100).refund)
    assert "남은 1,100원이 11월 휴대폰 요금에서" in progress.promise(payment, now=NOW)[0]
    with mock.patch.object(timezone, "now", return_value=NOW):
        asked = client.get(f"/support/request/?payment={payment.token}").content.decode()
    assert "남은 1,100원이" in asked

    second = open_ticket(payment)
    paid_back(approve(second, expected_remaining_won=1_100).refund)

    assert refunds.remaining_won(payment) == 0
    for row in Ticket.objects.all():
        assert progress.of(row, now=NOW).stamp.text == "환불됨"


def test_the_receipt_says_what_came_back_which_way_and_what_stays_on_the_bill(
    ticket: Ticket, payment: Payment
) -> None:
    paid_back(approve(ticket, amount_won=1_200).refund)

    found = {fact.name: fact.lines for fact in facts.of_payment(payment, now=NOW)}

    assert found["금액"][0] == "2,200원"
    assert found["청구"] == ("11월 휴대폰 요금에 1,000원 청구",)
    assert found["돌려받은 금액"] == ("2,200원 중 1,200원", "11월 요금에서 1,200원 빠졌어요", "")
    assert found["취소"][0] == "11월 30일 23:50까지 요금에서 취소"


def test_a_part_is_said_in_english_too(ticket: Ticket) -> None:
    approve(ticket, amount_won=1_100)
    ticket.refresh_from_db()

    with translation.override("en"):
        step = progress.of(ticket, now=NOW)
        words = notices.preview(notices.APPROVED, ticket)

    assert "1,100" in step.bill_line
    assert "2,200원 중 1,100원" in words  # in the payer's language


def test_going_back_from_a_part_keeps_amount_and_reason(desk: Client, ticket: Ticket) -> None:
    back = typed(ticket, "1100", back="approve")
    del back["decision"]

    page = desk.post(case(ticket), back).content.decode()

    assert 'value="1100"' in page
    assert "절반만 쓰셨어요." in page
    assert not Refund.objects.exists()
