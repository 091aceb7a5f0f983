"""What agents see of a message, and who may send a dead one again."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from payments.models import Message, MessageDelivery, Payment
from portal.models import User
from support.models import AuditEntry
from tests import factories

pytestmark = pytest.mark.django_db

LIST = "/admin/payments/message/"
PHONE = "+821090000000"
TOKEN = "A" * 43
SECRETS = ("90000000", "9000-0000", "lee@payer", "123456", TOKEN)


def account(*permissions: str) -> User:
    user = User.objects.create_user(
        f"a{User.objects.count()}@demo.test", "long-enough-Passw0rd", is_staff=True
    )
    user.user_permissions.add(*Permission.objects.filter(codename__in=permissions))
    return user


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(account("view_message"))
    return client


@pytest.fixture
def lead(client: Client) -> Client:
    client.force_login(account("view_message", "resend_message"))
    return client


def message(
    text: str = "멜로디 뮤직 2,200원 휴대폰결제", kind: str = "paid", **fields: Any
) -> Message:
    now = timezone.now()
    row = Message(
        kind=kind,
        channel="SMS",
        dedupe_key=f"k{Message.objects.count()}",
        to_masked="010-****-0000",
        created_at=now,
        due_at=now,
        deadline_at=now + timedelta(hours=24),
        **fields,
    )
    row.to, row.text, row.fallback = PHONE, text, "lee@payer.test"
    row.save()
    return row


def dead(**fields: Any) -> Message:
    return message(dead_at=timezone.now(), problem="status 1062", owner="DESK", **fields)


def page(client: Client, row: Message) -> str:
    answer = client.get(f"{LIST}{row.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def send_again(client: Client, row: Message, reason: str = "고객이 못 받았다고 함") -> Any:
    return client.post(f"{LIST}{row.pk}/again/", {"reason": reason})


def test_an_agent_reads_how_a_message_stands_and_every_try(desk: Client) -> None:
    row = message(done_at=timezone.now(), attempts=2)
    for outcome, said in (("UNREACHABLE", "HTTP 429"), ("ACCEPTED", "")):
        MessageDelivery.objects.create(
            message=row,
            attempted_at=timezone.now(),
            outcome=outcome,
            problem=said,
            provider_id="M4V2026" if outcome == "ACCEPTED" else "",
        )

    seen = page(desk, row)

    for words in ("영수증", "010-****-0000", "보냄", "HTTP 429", "M4V2026", "2,200원 휴대폰결제"):
        assert words in seen


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("verification", "본인 확인 번호 123456 (3분)"),
        ("a kind to come", "번호 123456 입니다"),
        ("ticket_received", f"진행 보기: {site.PUBLIC_URL}/support/track/{TOKEN}/"),
    ],
    ids=["a code", "a code of a kind to come", "a link"],
)
def test_neither_codes_nor_links_nor_addresses_are_shown(
    desk: Client, kind: str, text: str
) -> None:
    row = message(text, kind)

    for seen in (page(desk, row), desk.get(LIST).content.decode()):
        assert not [secret for secret in SECRETS if secret in seen]


def test_a_purged_and_an_unreadable_message_still_have_a_page(desk: Client) -> None:
    row = message()
    for sealed, words in (("", "보관 기간이 지나"), ("k9:AAAA", "읽을 수 없어요")):
        Message.objects.filter(pk=row.pk).update(text_sealed=sealed)
        assert words in page(desk, row)


def test_the_list_is_searched_by_payment_and_phone_and_filtered_by_what_is_to_do(
    desk: Client,
) -> None:
    payment: Payment = factories.opened()
    payment.set_line(carrier="SKT", phone=PHONE, birthdate=factories.BORN, email="")
    payment.save()
    mine, other = dead(payment=payment), message(done_at=timezone.now())
    nobodys = dead()
    Message.objects.filter(pk=nobodys.pk).update(owner="NOBODY")

    def found(**query: str) -> set[int]:
        seen = desk.get(LIST, query).content.decode()
        return {row.pk for row in (mine, other, nobodys) if f"message/{row.pk}/change" in seen}

    assert found() == {mine.pk, other.pk, nobodys.pk}
    assert found(q=payment.reference) == {mine.pk}
    assert found(q="010-9000-0000") == {mine.pk}
    assert found(q="010-9000-9999") == set()
    assert found(standing="mine") == {mine.pk}
    assert found(standing="dead") == {mine.pk, nobodys.pk}
    assert found(standing="sent") == {other.pk}


def test_who_may_sends_a_dead_message_again_and_is_on_record(lead: Client) -> None:
    row = dead()
    assert "다시 보내기" in page(lead, row)

    answer = send_again(lead, row)

    row.refresh_from_db()
    me = User.objects.get()
    assert answer.status_code == 302
    assert (row.dead_at, row.owner, row.problem) == (None, me.email, "")
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.subject) == (me.email, f"message:{row.pk} message.again")
    assert "다시 보내고 있어요" in page(lead, row)


def test_who_may_not_has_no_button_and_no_way_around_it(desk: Client) -> None:
    row = dead()

    assert f"{row.pk}/again/" not in page(desk, row)
    assert send_again(desk, row).status_code == 403
    row.refresh_from_db()
    assert row.dead_at


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"done_at": timezone.now()}, "지금은 할 수 없는 일"),
        ({"dead_at": timezone.now(), "kind": "verification"}, "인증번호는 다시 보내지"),
    ],
)
def test_what_cannot_be_sent_again_says_why(
    lead: Client, fields: dict[str, Any], words: str
) -> None:
    row = message(**fields)

    assert f"{row.pk}/again/" not in page(lead, row)
    send_again(lead, row)
    assert words in page(lead, row)


def test_it_is_confirmed_with_a_reason_before_anything_is_sent(lead: Client) -> None:
    row = dead()

    assert "같은 글을 같은 곳에" in lead.get(f"{LIST}{row.pk}/again/").content.decode()
    assert send_again(lead, row, reason=" ").status_code == 422
    assert lead.post(f"{LIST}99999/again/").status_code == 404
    assert Client().post(f"{LIST}{row.pk}/again/").status_code == 302
    row.refresh_from_db()
    assert row.dead_at
