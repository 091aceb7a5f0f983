"""What a text costs, and what the law wants in it."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone, translation

from payments import notifications, texts
from payments.messengers import kinds
from payments.models import Message, Payment
from payments.states import PaymentState
from payments.templatetags.won import moment, won
from payments.texts import Format
from tests import factories

MESSAGES = Path(settings.BASE_DIR) / "templates" / "messages"
KINDS = sorted({path.name.partition(".")[0] for path in MESSAGES.iterdir()})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("가" * 45, Format.SMS),
        ("가" * 45 + "a", Format.LMS),
        ("a" * 90, Format.SMS),
        ("a" * 91, Format.LMS),
        ("", Format.SMS),
        ("메뉴 ~ · …", Format.SMS),
        ("😀", Format.LMS),
        ("뷁", Format.LMS),
        ("café", Format.LMS),
    ],
)
def test_format_of_is_sms_up_to_90_bytes_of_euc_kr(text: str, expected: Format) -> None:
    assert texts.format_of(text) == expected


def test_strays_are_what_euc_kr_does_not_have() -> None:
    assert texts.strays("밤 산책 뷁😀") == ["뷁", "😀"]


def test_require_items_names_what_is_missing_or_empty() -> None:
    with pytest.raises(texts.ItemsMissing) as caught:
        texts.require_items("멜로디 2,200원", {"amount": "2,200원", "seller": "", "item": "밤"})

    assert caught.value.missing == ("seller", "item")


# What goes by one channel only, and why.
TEXT, MAIL = {"sms.txt"}, {"email.subject.txt", "email.txt"}
ONE_CHANNEL = {
    "verification": (
        TEXT,
        "a code proves who holds the phone, so only the phone gets it",
    ),
    "line_changed": (TEXT, "what is decided about a line is told to the line and to nobody else"),
    "ticket_referred": (MAIL, "it goes to the seller, of whom we keep no number that takes texts"),
    "account_changed": (MAIL, "accounts of ours and of shops have an address and no number"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_notice_goes_by_text_and_mail_unless_one_of_them_is_wrong_for_it(kind: str) -> None:
    parts = {path.name.partition(".")[2] for path in MESSAGES.glob(f"{kind}.*")}

    expected, _why = ONE_CHANNEL.get(kind, (TEXT | MAIL, ""))
    assert parts == expected


@pytest.mark.parametrize("path", sorted(MESSAGES.iterdir()), ids=lambda path: path.name)
def test_a_notice_holds_a_link_only_to_its_own_page_and_where_its_kind_may(path: Path) -> None:
    words = path.read_text()
    kind, _dot, part = path.name.partition(".")

    # The one address our words may hold is the signed one of a request.
    assert "://" not in words
    assert "www." not in words
    assert not re.search(r"\{\{ *(?!track_url)\w*ur[il]\b", words)
    has_link = "track_url" in words
    assert has_link == (kinds.KINDS[kind].may_link and part != "email.subject.txt")


def test_every_kind_of_notice_declares_what_it_may() -> None:
    assert sorted(kinds.KINDS) == KINDS


def paid_now(language: str) -> Payment:
    """A payment as it stands once it is charged, without an operator."""
    payment = factories.opened()
    now = timezone.now()
    payment.language = language
    payment.set_line(
        carrier="SKT", phone="+821090000000", birthdate=factories.BORN, email="a@example.kr"
    )
    payment.paid_at, payment.billing_month = now, now.strftime("%Y-%m")
    for state in (PaymentState.AWAITING_CONFIRMATION, PaymentState.CONFIRMING, PaymentState.PAID):
        payment.move_to(state, at=now, by="test")
    return payment


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_receipt_names_the_four_items_of_the_law_in_text_and_mail(language: str) -> None:
    payment = paid_now(language)

    notifications.paid(payment, now=timezone.now())

    with translation.override(language):
        items = (
            moment(payment.paid_at),
            payment.merchant.name,
            payment.merchant.phone,
            payment.item_name,
            won(payment.amount_won),
            settings.DESK_PHONE,
        )
    messages = Message.objects.all()
    assert {message.channel for message in messages} == {"SMS", "EMAIL"}
    for message in messages:
        assert [item for item in items if item not in message.text] == []


@pytest.mark.django_db
def test_a_receipt_without_one_of_the_four_items_is_not_queued() -> None:
    payment = paid_now("ko")
    payment.merchant.phone = ""

    with pytest.raises(texts.ItemsMissing) as caught:
        notifications.paid(payment, now=timezone.now())

    assert caught.value.missing == ("seller's contact",)
    assert not Message.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_receipt_is_an_lms_that_every_phone_can_show(language: str) -> None:
    notifications.paid(paid_now(language), now=timezone.now())

    text = Message.objects.get(channel="SMS")
    assert text.format == Format.LMS
    assert texts.strays(text.text) == []


@pytest.mark.django_db
def test_a_reversed_payment_is_told_by_text_and_mail() -> None:
    payment = paid_now("ko")

    notifications.reversed_payment(payment, now=timezone.now())

    told = {message.channel: message for message in Message.objects.all()}
    assert set(told) == {"SMS", "EMAIL"}
    assert "결제가 이루어지지 않았어요" in told["EMAIL"].subject
    assert "돈은 빠져나가지 않았어요" in told["EMAIL"].text
    assert payment.reference in told["EMAIL"].text
