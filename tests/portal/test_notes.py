"""An internal note never leaves: not in a text, on a page, in a file, in a log, in any other row.

The notes carry a mark that nothing else does. Every address of the site that is not the desk's is
opened by the line's holder, by the shop and by a stranger; a new address is opened by itself.
"""

import ast
import re
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from payments.models import Merchant, Message, Payment
from payments.states import RefundState
from portal.models import User
from support import notices, replies, tasks, tickets
from support.models import InternalNote, Ticket
from tests.portal import histories, mine

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]
# A syllable no Korean word has, so that it is found even where a file keeps letters one by one.
RARE = "쀍"
MARK = f"사기의심{RARE}7731"
ME = "staff:1"
# Who reads notes, who writes and who destroys them; the desk's pages are made of the first.
READS_NOTES = {"support/desk.py"}
WRITES_NOTES = {"support/tickets.py"}
DESTROYS_NOTES = {"support/forgetting.py"}


@pytest.fixture(autouse=True)
def _mid_month() -> Iterator[None]:
    """The payment of an hour ago is of this month: in the report, and the carrier can cancel it."""
    with time_machine.travel(mine.MID_MONTH, tick=True):
        yield


@pytest.fixture
def shop() -> Merchant:
    return histories.shop("melody")


@pytest.fixture
def payment(shop: Merchant) -> Payment:
    return mine.paid(shop)


@pytest.fixture
def ticket(payment: Payment, shop: Merchant) -> Ticket:
    """A case that has been through everything, with a note at every turn."""
    now = timezone.now()

    def note(ticket: Ticket) -> dict[str, object]:
        tickets.add_note(ticket_id=ticket.pk, text=MARK, by=ME, now=now)
        return {"ticket_id": ticket.pk, "by": ME, "now": now}

    def opened(payment: Payment) -> Ticket:
        request = tickets.Request(reason="OTHER", text="잘못 눌렀어요.", email="me@mail.test")
        return tickets.open_ticket(payment=payment, request=request, language="ko", now=now)

    case = opened(payment)
    facts = note(case)
    tasks.notify_ticket_received(subject_id=case.pk)
    tickets.ask_merchant(question="들으셨나요?", **facts)  # type: ignore[arg-type]
    tickets.merchant_answered(text="네", **note(case))  # type: ignore[arg-type]
    tickets.ask_customer(question="들으셨나요?", **note(case))  # type: ignore[arg-type]
    tickets.customer_answered(text="아니요", **note(case))  # type: ignore[arg-type]
    replies.write(text="확인할게요.", waits=False, seen=None, **note(case))  # type: ignore[arg-type]
    replies.send_due(now=now + timedelta(minutes=1))
    tickets.reject(reason="이미 들으셨어요.", **note(case))  # type: ignore[arg-type]
    tasks.notify_ticket_rejected(subject_id=case.pk)
    tickets.reopen(reason="다시 볼게요.", **note(case))  # type: ignore[arg-type]
    double = opened(mine.paid(shop))
    tickets.mark_duplicate(first_id=case.pk, reason="같은 요청", **note(double))  # type: ignore[arg-type]
    tickets.approve(reason="네", expected_remaining_won=2_200, **note(case))  # type: ignore[arg-type]
    tasks.notify_ticket_approved(subject_id=case.pk)
    note(case)
    case.refresh_from_db()
    return case


def outside() -> Iterator[str]:
    """Every address but the desk's."""

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
        for pattern in patterns:
            address = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, address)
            elif not address.startswith("admin/"):
                yield address

    return walk(get_resolver().url_patterns, "")


def filled(address: str, ticket: Ticket) -> str:
    """The address of this case and its payment."""
    payment = ticket.payment
    assert payment is not None
    token = payment.token if address.startswith(("pay/", "shop/")) else ticket.token
    known = {"<str:token>": token, "<str:reference>": payment.reference}
    known |= {"<slug:slug>": "desk" if address.startswith("help/") else payment.merchant.slug}
    for name, value in known.items():
        address = address.replace(name, value)
    return "/" + re.sub("<[^>]+>", "night-walk", address)


def readable(content: bytes) -> str:
    """What can be read in an answer; of a PDF the letters it has, written out."""
    if not content.startswith(b"%PDF"):
        return content.decode(errors="replace")
    parts = []
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, flags=re.DOTALL):
        try:
            parts.append(zlib.decompress(packed))
        except zlib.error:
            parts.append(packed)
    letters = re.findall(rb"<([0-9A-F]{4})>", b" ".join(parts))
    return "".join(chr(int(letter, 16)) for letter in letters)


def test_no_note_is_on_any_page_or_in_any_file_but_the_desks(
    client: Client, ticket: Ticket, shop: Merchant
) -> None:
    people = {"holder": mine.enter(client), "shop": Client(), "stranger": Client()}
    people["shop"].force_login(histories.owner(shop))
    read: dict[tuple[str, str], str] = {}
    for address in outside():
        for who, browser in people.items():
            answer = browser.get(filled(address, ticket))
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[arg-type]
            read[who, address] = readable(body) if answer.status_code == 200 else ""

    assert not [place for place, text in read.items() if RARE in text]
    # The walk went where it was meant to: who may read what, did.
    for who, address, expected in (
        ("holder", "my/<str:reference>/", "밤 산책"),
        ("holder", "my/<str:reference>/receipt.pdf", "밤"),
        ("holder", "my/payments.pdf", "밤"),
        ("holder", "my/payments.csv", "밤 산책"),
        ("holder", "support/track/<str:token>/", ticket.number),
        ("shop", "merchant/payments/<str:reference>/", "밤 산책"),
        ("shop", "merchant/payments.csv", "밤 산책"),
    ):
        assert expected in read[who, address], address
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss@desk.test", histories.PASSWORD))
    assert RARE in boss.get(f"/admin/support/ticket/{ticket.pk}/change/").content.decode()


def test_no_note_is_in_any_text_or_mail(ticket: Ticket) -> None:
    sent = list(Message.objects.all())

    assert {message.kind for message in sent} >= {
        notices.RECEIVED,
        notices.QUESTION,
        notices.REFERRED,
        notices.REPLY,
        notices.REJECTED,
        notices.REOPENED,
        notices.DUPLICATE,
        notices.APPROVED,
    }
    assert {message.channel for message in sent} == {"SMS", "EMAIL"}
    assert not [one for one in sent if RARE in one.subject + one.text]


def test_no_note_is_in_the_news_of_a_refund(ticket: Ticket) -> None:
    refund = ticket.refund
    assert refund is not None
    for state in (RefundState.SENDING, RefundState.SUCCEEDED):
        refund.move_to(state, at=timezone.now(), by="test")
    tasks.resolve_ticket(subject_id=refund.pk)

    told = Message.objects.filter(kind=notices.RESOLVED)
    assert told
    assert not [one for one in told if RARE in one.subject + one.text]


def test_a_note_is_kept_in_one_table_and_nowhere_else(
    ticket: Ticket, caplog: pytest.LogCaptureFixture
) -> None:
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        found = {
            table
            for table in tables
            if _has(cursor, f'SELECT 1 FROM "{table}" row WHERE row::text LIKE %s LIMIT 1')
        }

    assert found == {InternalNote._meta.db_table}
    assert RARE not in caplog.text


def _has(cursor: object, question: str) -> bool:
    cursor.execute(question, [f"%{RARE}%"])  # type: ignore[attr-defined]
    return cursor.fetchone() is not None  # type: ignore[attr-defined, no-any-return]


def test_only_the_desk_reads_notes() -> None:
    named = set()
    for path in (
        path for app in ("payments", "portal", "support") for path in (ROOT / app).rglob("*.py")
    ):
        place = path.relative_to(ROOT).as_posix()
        if "migrations" in place or place.startswith("support/models/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "attr", None) or getattr(node, "id", None)
            if name in {"notes", "InternalNote"}:
                named.add(place)

    assert named == READS_NOTES | WRITES_NOTES | DESTROYS_NOTES
    readers = {
        path.relative_to(ROOT).as_posix()
        for app in ("payments", "portal", "support")
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"\bdesk\.(conversation|deeds)\b", path.read_text())
    }
    assert all(reader.startswith("support/admin") for reader in readers)
