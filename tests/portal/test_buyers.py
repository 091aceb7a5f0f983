"""Who bought: the walls around the seller's page and around the owner's."""

from datetime import date

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import Merchant, Payment
from portal.models import User
from support import buyers
from support.models import AuditEntry, BuyerAnswer, Ticket
from tests.portal import histories, mine

pytestmark = pytest.mark.django_db


@pytest.fixture
def merchant() -> Merchant:
    return histories.shop("melody")


@pytest.fixture
def owner(merchant: Merchant) -> User:
    return histories.owner(merchant)


@pytest.fixture
def payment(merchant: Merchant) -> Payment:
    return mine.paid(merchant)


@pytest.fixture
def asked(payment: Payment) -> Ticket:
    return buyers.ask(payment=payment, question="누가?", language="ko", now=timezone.now())


def tell(ticket: Ticket, owner: User) -> Ticket:
    return buyers.tell(
        ticket_id=ticket.pk,
        name="홍길동",
        birthdate=date(1988, 3, 2),
        words="알려 왔어요.",
        user_id=owner.pk,
        address="",
        now=timezone.now(),
    )


# The seller's page


@pytest.fixture
def office(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def page_of(payment: Payment) -> str:
    return f"/merchant/buyers/{payment.reference}/"


def test_another_shops_request_does_not_exist(office: Client, asked: Ticket) -> None:
    stranger = Client()
    stranger.force_login(histories.owner(histories.shop("other")))

    for method in ("get", "post"):
        assert getattr(stranger, method)(page_of(asked.payment)).status_code == 404  # type: ignore[arg-type]
    assert asked.number not in stranger.get("/merchant/buyers/").content.decode()
    assert asked.number in office.get("/merchant/buyers/").content.decode()


def test_what_the_seller_tells_is_kept_and_not_shown_to_it_again(
    office: Client, asked: Ticket, payment: Payment, owner: User
) -> None:
    typed = {"tell": "1", "name": " 홍길동 ", "birthdate": "1988.03.02"}
    assert office.post(page_of(payment), typed).status_code == 302

    answer = BuyerAnswer.objects.get(ticket=asked)
    assert (answer.name, answer.birthdate, answer.given_by) == ("홍길동", "1988-03-02", owner)
    page = office.get(page_of(payment)).content.decode()
    assert "알렸어요" in page
    assert "홍길동" not in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"tell": "1", "name": "", "birthdate": "19880302"}, "성명을 적어 주세요"),
        ({"tell": "1", "name": "홍길동", "birthdate": "1988"}, "생년월일을 19900131처럼"),
        ({"tell": "1", "name": "880302-1234567", "birthdate": "19880302"}, "주민등록번호는"),
        ({"decline": "1", "cause": " "}, "까닭을 적어 주세요"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_told(
    office: Client, asked: Ticket, payment: Payment, typed: dict[str, str], said: str
) -> None:
    answer = office.post(page_of(payment), typed)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not BuyerAnswer.objects.exists()


def test_a_second_answer_changes_nothing(
    office: Client, asked: Ticket, payment: Payment, owner: User
) -> None:
    tell(asked, owner)

    office.post(page_of(payment), {"tell": "1", "name": "임꺽정", "birthdate": "19700101"})

    assert BuyerAnswer.objects.get().name == "홍길동"


def test_a_cause_not_to_tell_leads_back_to_the_list(
    office: Client, asked: Ticket, payment: Payment
) -> None:
    answer = office.post(page_of(payment), {"decline": "1", "cause": "회원이 아니에요"})

    assert answer.headers["Location"] == "/merchant/buyers/"
    asked.refresh_from_db()
    assert asked.state == "IN_PROGRESS"


# The owner's page


def test_the_owner_asks_by_one_press_and_once(client: Client, payment: Payment) -> None:
    mine.enter(client)
    page = f"/my/{payment.reference}/buyer/"
    for _ in range(2):
        assert client.post(page, {"ask": "1"}).headers["Location"] == page

    ticket = Ticket.objects.get()
    assert (ticket.kind, ticket.state) == ("B", "WAITING_MERCHANT")
    assert "판매자에게 물어봤어요" in client.get(page).content.decode()


def test_the_answer_is_shown_by_a_press_only_and_each_is_on_the_trail(
    client: Client, payment: Payment, asked: Ticket, owner: User
) -> None:
    tell(asked, owner)
    mine.enter(client)
    page = f"/my/{payment.reference}/buyer/"
    assert page in client.get("/my/").content.decode()
    assert "홍길동" not in client.get(page).content.decode()

    shown = client.post(page, {"look": "1"})

    assert "홍길동" in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]
    assert AuditEntry.objects.filter(action="REVEALED", actor="owner").count() == 1


def test_a_second_question_does_not_hide_an_answer_that_can_be_read(
    client: Client, payment: Payment, asked: Ticket, owner: User
) -> None:
    tell(asked, owner)
    mine.enter(client)

    client.post(f"/my/{payment.reference}/buyer/", {"ask": "1"})

    assert Ticket.objects.count() == 1


@pytest.mark.parametrize(("last4", "born"), [("3002", "19900131"), ("3001", "19910131")])
def test_who_is_not_the_owner_finds_nothing(
    client: Client, payment: Payment, asked: Ticket, owner: User, last4: str, born: str
) -> None:
    tell(asked, owner)
    mine.enter(client, last4, born)

    assert client.post(f"/my/{payment.reference}/buyer/", {"look": "1"}).status_code == 404
    assert "buyer" not in client.get("/my/").content.decode()
    assert not AuditEntry.objects.filter(action="REVEALED").exists()


def test_there_is_nobody_to_ask_about_where_nothing_was_bought(
    client: Client, merchant: Merchant
) -> None:
    payment = mine.unpaid(merchant, "DECLINED")
    mine.enter(client)

    client.post(f"/my/{payment.reference}/buyer/", {"ask": "1"})

    assert not Ticket.objects.exists()
