"""The admin as agents and staff read it: in their own language, with nothing that is a secret."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from payments.calendar import SEOUL
from payments.models import CarrierCall, Message, OutboxEvent, Payment
from payments.states import PaymentState
from portal.models import User
from tests.portal import histories

pytestmark = pytest.mark.django_db
PAGES = (
    "",
    "payments/",
    "portal/",
    "support/",
    "portal/user/",
    "portal/user/add/",
    "portal/user/{user}/change/",
    "portal/user/{user}/history/",
    "payments/merchant/",
    "payments/merchant/add/",
    "payments/merchant/{merchant}/change/",
    *(f"payments/{model}/" for model in ("payment", "refund", "message", "outboxevent")),
    "payments/carriercall/",
    "payments/payment/{payment}/change/",
    "payments/refund/{refund}/change/",
    "payments/message/{message}/change/",
    "payments/outboxevent/{event}/change/",
    "payments/carriercall/{call}/change/",
)
# Names, numbers and what an operator answered; the rest of a Korean page is Korean.
NAMES = re.compile(
    r"Phonebill|English|SKT|CSV|PB-[\w-]+|SKT-\w+|pb-\w+|\S+@\S+|\b[\da-f]{12,}\b|melody|UNPAID_BILL"
    r"|md5|[\w+/$]+\*{4,}"
)


@pytest.fixture
def boss(client: Client) -> User:
    user = User.objects.create_superuser("boss@desk.test", histories.PASSWORD, name="운영자")
    client.force_login(user)
    return user


@pytest.fixture
def rows(boss: User) -> dict[str, int]:
    """One of everything."""
    now = timezone.now()
    merchant = histories.shop("melody")
    paid = histories.sale(merchant, at=now, carrier_tx="SKT-1")
    paid.events.create(
        from_state="CONFIRMING", to_state="PAID", event="payment.paid", actor="t", occurred_at=now
    )
    refund = histories.refund(paid, at=now)
    for state in PaymentState:
        histories.payment(merchant, at=now, state=state)
    message = Message(kind="paid", channel="SMS", payment=paid, dedupe_key="1")
    message.to, message.text = "+821090000000", "영수증"
    message.to_masked, message.created_at, message.due_at = "010-****-0000", now, now
    message.save()
    call = CarrierCall.objects.create(
        payment=paid, kind="CONFIRM", state="DECLINED", answer="UNPAID_BILL", sent_at=now
    )
    event = OutboxEvent.objects.create(
        kind="payment.paid", subject_id=paid.pk, created_at=now, due_at=now
    )
    return {
        "user": boss.pk,
        "merchant": merchant.pk,
        "payment": paid.pk,
        "refund": refund.pk,
        "message": message.pk,
        "call": call.pk,
        "event": event.pk,
    }


def words(page: str) -> str:
    """What a person reads on a page."""
    body = re.sub(r"<(script|style|head|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize("path", PAGES)
def test_a_korean_page_has_no_english_left(client: Client, rows: dict[str, int], path: str) -> None:
    page = client.get(f"/admin/{path.format(**rows)}")

    assert page.status_code == 200
    assert re.findall(r"[A-Za-z_]{2,}", NAMES.sub("", words(page.content.decode()))) == []


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("portal/user/{user}/change/", "계정 운영자"),
        ("payments/merchant/{merchant}/change/", "판매자 상점 melody"),
    ],
)
def test_a_page_is_called_what_people_call_its_row(
    client: Client, rows: dict[str, int], path: str, title: str
) -> None:
    page = client.get(f"/admin/{path.format(**rows)}").content.decode()

    assert f"<h1>{title}</h1>" in page


@pytest.mark.parametrize("secret", ["token", "return_url", "phone_sealed", "phone_bidx"])
def test_a_payment_page_shows_no_secret(client: Client, rows: dict[str, int], secret: str) -> None:
    payment = Payment.objects.get(pk=rows["payment"])
    payment.return_url = "/shop/melody/library/guess-me/"
    payment.set_line(carrier="SKT", phone="+821090001234", birthdate=date(1990, 1, 31), email="")
    payment.save()

    page = client.get(f"/admin/payments/payment/{payment.pk}/change/").content.decode()

    assert "010-****-1234" in page
    assert getattr(payment, secret) not in page
    assert "1990" not in page


@pytest.fixture
def found(client: Client, boss: User) -> Callable[[str], list[str]]:
    """References on the list after a search."""

    def search(term: str) -> list[str]:
        page = client.get("/admin/payments/payment/", {"q": term})
        assert page.status_code == 200
        return re.findall(r"PB-\w{4}-\w{4}(?=</b>)", page.content.decode())

    return search


@pytest.mark.parametrize(
    "term",
    [
        "{reference}",
        " {lower} ",
        "order-7",
        "010-9000-7777",
        "010-****-7777",
        "책방",
        "겨울 일기",
        "2026-10-05",
        "2026. 10. 5.",
    ],
)
def test_a_payment_is_found_by_what_callers_say(
    found: Callable[[str], list[str]], term: str
) -> None:
    at = datetime(2026, 10, 5, 23, 30, tzinfo=SEOUL)
    wanted = histories.payment(
        histories.shop("책방"), at=at, order_no="order-7", item_name="겨울 일기 1권"
    )
    wanted.set_line(carrier="SKT", phone="+821090007777", birthdate=date(1990, 1, 31), email="")
    wanted.save()
    histories.payment(histories.shop("melody"), at=at + timedelta(hours=1))

    typed = term.format(reference=wanted.reference, lower=wanted.reference.lower())

    assert found(typed) == [wanted.reference]


@pytest.mark.parametrize("term", ["0000-00-00", "9999-99-99", "*-", "%", "'", "2026-13-40"])
def test_a_senseless_search_finds_nothing(found: Callable[[str], list[str]], term: str) -> None:
    histories.payment(histories.shop("melody"), at=timezone.now())

    assert found(term) == []


def test_a_list_costs_the_same_statements_whatever_its_length(
    client: Client, boss: User, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    merchant, now = histories.shop("melody"), timezone.now()
    for _ in range(20):
        histories.refund(histories.sale(merchant, at=now), at=now)

    with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
        client.get("/admin/payments/payment/")
    with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
        client.get("/admin/payments/refund/")


def test_cells_name_their_columns_for_narrow_screens(client: Client, rows: dict[str, int]) -> None:
    page = client.get("/admin/payments/payment/").content.decode()

    assert page.count('data-label="금액"') == Payment.objects.count()
