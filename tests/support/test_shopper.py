"""Asking for a cancellation and following it, as a browser without JavaScript does."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments.calendar import SEOUL
from payments.models import Message, Payment, PhoneVerification, SettlementHold
from payments.states import RefundState
from support import proofs, tickets
from support.models import Ticket
from tests.support.factories import NOW, approve, open_ticket

REQUEST = "/support/request/"
LOOKUP = {"product": "밤 산책", "date": "2026-11-23", "phone": "010-9000-0000"}


@pytest.fixture
def recent(pay: Callable[..., Payment]) -> Payment:
    """Paid a moment ago by the real clock, which the pages read."""
    return pay(at=timezone.now() - timedelta(minutes=20))


def from_receipt(payment: Payment) -> str:
    return f"{REQUEST}?payment={payment.token}"


def prove(client: Client, phone: str = "010-9000-0000") -> PhoneVerification:
    today = timezone.localdate(timezone=SEOUL).isoformat()
    answer = client.post(REQUEST, LOOKUP | {"phone": phone, "date": today})
    verification = PhoneVerification.objects.latest("pk")
    text = Message.objects.filter(kind="verification").latest("pk").text
    [code] = re.findall(r"\b\d{6}\b", text)[:1]
    client.post(answer.headers["Location"], {"code": code})
    verification.refresh_from_db()
    return verification


def test_request_from_receipt_opens_a_ticket(client: Client, recent: Payment) -> None:
    page = client.get(from_receipt(recent))
    answer = client.post(
        from_receipt(recent), {"reason": "CHANGE_OF_MIND", "text": "잘못 눌렀어요"}
    )

    ticket = Ticket.objects.get()
    assert page.status_code == 200
    assert answer.headers["Location"] == reverse("support:track", args=[ticket.token])
    assert (ticket.payment, ticket.text) == (recent, "잘못 눌렀어요")


def test_what_was_used_against_ones_will_is_an_objection_that_holds_the_money(
    client: Client, recent: Payment
) -> None:
    page = client.get(from_receipt(recent)).content.decode()
    assert page.count("판매자에게 갈 돈을 멈추고") == 1

    client.post(from_receipt(recent), {"reason": "UNAUTHORIZED", "text": "제가 안 했어요"})

    ticket = Ticket.objects.get()
    assert (ticket.kind, ticket.is_priority, ticket.source) == ("O", False, "WEB")
    assert ticket.due_at == ticket.accepted_at + timedelta(days=14)
    hold = SettlementHold.objects.get(payment=recent)
    assert (hold.reason, hold.held_by) == (ticket.number, "shopper")
    assert "이의신청" in client.get(f"/support/track/{ticket.token}/").content.decode()


def test_request_again_leads_to_the_open_ticket(client: Client, recent: Payment) -> None:
    for _ in range(2):
        answer = client.post(from_receipt(recent), {"reason": "CHANGE_OF_MIND"})

    assert answer.headers["Location"] == reverse("support:track", args=[Ticket.objects.get().token])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"reason": ""}, "이유를 하나 골라 주세요"),
        ({"email": "nonsense"}, "이메일을 name@example.kr처럼"),
        ({"text": "저는 900131-1234567 입니다"}, "주민등록번호는 받지 않아요"),
    ],
)
def test_request_keeps_values_beside_errors(
    client: Client, recent: Payment, wrong: dict[str, str], words: str
) -> None:
    typed = {"reason": "OTHER", "text": "말씀드릴게요", "email": "minji@mail.test"} | wrong

    answer = client.post(from_receipt(recent), typed)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert all(value in page for value in typed.values())
    assert not Ticket.objects.exists()


def test_request_of_an_unpaid_order_says_no_money_moved(client: Client, recent: Payment) -> None:
    Payment.objects.filter(pk=recent.pk).update(state="EXPIRED")

    page = client.get(from_receipt(recent)).content.decode()

    assert "돈이 빠져나가지 않았으니" in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("product", "", "무엇을 샀는지 적어 주세요"),
        ("date", "2026-02-30", "결제한 날을 2026-11-23처럼"),
        ("date", "2999-01-01", "오늘보다 뒤예요"),
        ("phone", "", "휴대전화번호를 입력하세요"),
        ("phone", "02-555-0100", "010으로 시작하는 휴대전화번호만 쓸 수 있어요"),
        ("phone", "010-90", "010-1234-5678처럼"),
    ],
)
def test_lookup_keeps_values_beside_errors(
    client: Client, db: None, field: str, value: str, words: str
) -> None:
    answer = client.post(REQUEST, LOOKUP | {field: value})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert all(typed in page for typed in (LOOKUP | {field: value}).values())
    assert not PhoneVerification.objects.exists()


def test_lookup_says_the_same_to_unknown_numbers(client: Client, recent: Payment) -> None:
    known = client.post(REQUEST, LOOKUP)
    unknown = client.post(REQUEST, LOOKUP | {"phone": "010-9000-5555"})

    assert known.status_code == unknown.status_code == 302
    assert Message.objects.filter(kind="verification").count() == 2


def test_lookup_texts_five_codes_an_hour(client: Client, db: None) -> None:
    for _ in range(5):
        assert client.post(REQUEST, LOOKUP).status_code == 302

    answer = client.post(REQUEST, LOOKUP)

    assert answer.status_code == 422
    assert PhoneVerification.objects.count() == 5


def test_addresses_carry_no_phone(client: Client, db: None) -> None:
    answer = client.post(REQUEST, LOOKUP)

    assert "9000" not in answer.headers["Location"]


def test_wrong_code_counts_down(client: Client, db: None) -> None:
    address = client.post(REQUEST, LOOKUP).headers["Location"]

    pages = [client.post(address, {"code": "00000 0"}) for _ in range(6)]

    assert [page.status_code for page in pages] == [422] * 6
    assert "4번 더 입력할 수 있어요" in pages[0].content.decode()
    assert "다섯 번 모두" in pages[5].content.decode()


def test_a_proven_line_finds_its_payment_and_asks(client: Client, recent: Payment) -> None:
    verification = prove(client)
    day = (recent.paid_at or NOW).astimezone(SEOUL).date().isoformat()

    shown = client.get(
        reverse("support:choose", args=[verification.token]), {"date": day, "product": "산책"}
    ).content.decode()
    address = reverse("support:line-request", args=[verification.token, recent.reference])
    answer = client.post(f"{address}?date={day}&product=산책", {"reason": "DUPLICATE"})

    assert "찾으신 결제 같아요" in shown
    assert Ticket.objects.get().payment == recent
    assert answer.status_code == 302


def test_an_empty_day_says_what_to_do(client: Client, recent: Payment) -> None:
    verification = prove(client)

    page = client.get(
        reverse("support:choose", args=[verification.token]), {"date": "2025-01-01"}
    ).content.decode()

    assert "결제가 없어요" in page
    assert "1600-0100" in page


def test_a_stranger_s_payment_does_not_exist(
    client: Client, recent: Payment, pay: Callable[..., Payment]
) -> None:
    foreign = pay(phone="+821090007001", at=timezone.now())
    verification = prove(client)
    address = reverse("support:line-request", args=[verification.token, foreign.reference])

    assert client.get(address).status_code == 404
    assert client.post(address, {"reason": "OTHER"}).status_code == 404
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("age", [None, timedelta(minutes=31)])
def test_an_unproven_line_shows_nothing(
    client: Client, recent: Payment, age: timedelta | None
) -> None:
    verification = proofs.start(phone="+821090000000", language="ko", now=timezone.now())
    if age:
        PhoneVerification.objects.update(verified_at=timezone.now() - age)
    addresses = [
        reverse("support:choose", args=[verification.token]),
        reverse("support:line-request", args=[verification.token, recent.reference]),
    ]

    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(REQUEST)


@pytest.mark.parametrize("page", ["track", "code", "choose"])
def test_unknown_tokens_are_not_found(client: Client, db: None, page: str) -> None:
    assert client.get(reverse(f"support:{page}", args=["nobody-knows"])).status_code == 404


def test_track_shows_every_step_and_the_current_one(client: Client, ticket: Ticket) -> None:
    page = client.get(reverse("support:track", args=[ticket.token])).content.decode()

    assert page.count('aria-current="step"') == 1
    assert "상담원이 확인하고 있어요" in page
    assert "11월 26일까지 답을 드릴게요" in page
    assert "90000000" not in page


def test_track_polls_with_204_until_something_changed(client: Client, ticket: Ticket) -> None:
    address = reverse("support:track", args=[ticket.token])

    asks = re.findall(r'hx-get="([^"]+)"', client.get(address).content.decode())
    same = client.get(asks[0], headers={"HX-Request": "true"})
    tickets.reject(ticket_id=ticket.pk, reason="이미 들으셨어요.", by="staff:1", now=NOW)
    fresh = client.get(asks[0], headers={"HX-Request": "true"})

    assert same.status_code == 204
    assert "이미 들으셨어요." in fresh.content.decode()
    assert "hx-trigger" not in fresh.content.decode()
    assert "<html" not in fresh.content.decode()


def test_track_takes_the_account_and_masks_it(client: Client, payment: Payment) -> None:
    ticket = open_ticket(payment)
    approve(ticket, now=datetime(2026, 12, 1, 9, 0, tzinfo=SEOUL))
    address = reverse("support:account", args=[ticket.token])
    typed = {"bank": "088", "number": "110-123-456789", "holder": "김민지"}

    wrong = client.post(address, typed | {"number": "12"})
    client.post(address, typed)
    page = client.get(reverse("support:track", args=[ticket.token])).content.decode()

    assert wrong.status_code == 422
    assert "김민지" in wrong.content.decode()
    ticket.refresh_from_db()
    assert ticket.refund is not None
    assert (ticket.refund.state, ticket.refund.account_number) == ("SCHEDULED", "110123456789")
    assert "****6789" in page
    assert "110123456789" not in page


def test_withdraw_is_offered_while_no_money_moved(client: Client, ticket: Ticket) -> None:
    approve(ticket)
    address = reverse("support:track", args=[ticket.token])
    button = "요청 거두기"
    ticket.refresh_from_db()
    assert ticket.refund is not None
    before = client.get(address).content.decode()
    ticket.refund.move_to(RefundState.SENDING, at=NOW, by="test")

    after = client.get(address).content.decode()
    late = client.post(reverse("support:withdraw", args=[ticket.token]), follow=True)

    assert button in before
    assert button not in after
    assert "그사이 달라졌어요" in late.content.decode()


@pytest.mark.parametrize(("contact", "way"), [("EMAIL", "이메일로"), ("SMS", "문자로")])
def test_news_is_promised_the_way_it_will_come(
    client: Client, pay: Callable[..., Payment], contact: str, way: str
) -> None:
    ticket = open_ticket(pay(email="lee@mail.test"), contact=contact)

    page = client.get(reverse("support:track", args=[ticket.token])).content.decode()

    assert f"끝나면 {way} 알려드려요" in page
    assert f"결과는 {way} 알려드려요" in page
