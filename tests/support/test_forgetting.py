"""What the desk forgets when, what an open request protects, and the proof of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from payments import invariants, notifications, retention
from payments.models import Message, Payment, RetentionProof
from payments.models.append_only import redacting
from payments.retention import years_ago
from portal import tasks
from support import attachments, forgetting, notices, replies, tickets
from support.files import Accepted, Kind
from support.invariants import INVARIANTS
from support.models import (
    Attachment,
    AttachmentBody,
    InternalNote,
    Rating,
    Reply,
    Ticket,
    TicketEvent,
    TicketMessage,
)
from support.states import TICKET_FINAL
from tests.support import files

pytestmark = pytest.mark.django_db(transaction=True)

# The triggers go by the database's clock, so rows lie in its past.
NOW = timezone.now()
PDF = Accepted("영수증.pdf", Kind.PDF, files.pdf())
SAID = "재생이 안 돼요, 010-1234-5678로 전화 주세요"
I40 = next(rule for rule in INVARIANTS if rule.code == "I40 desk")


def ago(years: int, **more: float) -> datetime:
    """That many Korean years and more before NOW."""
    return years_ago(NOW, years) - timedelta(**more)


@pytest.fixture
def closed(pay: Callable[..., Payment]) -> Callable[..., Ticket]:
    """Makes cases that were closed at a time, with all a case can hold."""

    def make(at: datetime, *, kind: str = "C", of: Payment | None = None) -> Ticket:
        payment = of or pay(at=at - timedelta(days=2), email="lee@payer.test")
        before = at - timedelta(days=1)
        ticket = Ticket(
            kind=kind,
            payment=payment,
            reason="OTHER",
            text=SAID,
            product_text="밤 산책 듣던 이몽룡",
            accepted_at=before,
            due_at=before,
        )
        ticket.set_contact(phone=payment.phone, email=payment.email)
        tickets.file(ticket, files=[PDF], now=before)
        tickets.add_note(ticket_id=ticket.pk, text="이몽룡 님과 통화", by="staff:1", now=before)
        replies.write(
            ticket_id=ticket.pk, text="이몽룡 님께", waits=False, by="staff:1", now=before
        )
        replies.send_due(now=before + replies.HOLD)
        words: dict[str, Any] = {"ticket_id": ticket.pk, "by": "staff:1", "now": at}
        if ticket.is_about_money:
            tickets.reject(reason="들으셨어요, 이몽룡 님", **words)
        else:
            tickets.answer(text="이몽룡 님의 구매내역이에요", **words)
        ticket.refresh_from_db()
        notices.send(notices.REJECTED, ticket, now=at)
        Rating.objects.create(
            ticket=ticket, score="POOR", text="이몽룡", agent="staff:1", given_at=at, changed_at=at
        )
        ticket.refresh_from_db()
        return ticket

    return make


def forget(now: datetime = NOW) -> int:
    held = Ticket.objects.exclude(state__in=TICKET_FINAL)
    return retention.purge(held=held, now=now, rules=forgetting.RULES)


def words_of(ticket: Ticket) -> list[str]:
    """Everything somebody wrote in the case, or that tells who it was."""
    ticket.refresh_from_db()
    rows: list[Any] = [ticket.phone_sealed, ticket.phone_bidx, ticket.phone_last4]
    rows += [ticket.email_sealed, ticket.text, ticket.product_text]
    for model in (TicketMessage, InternalNote, Reply, Rating):
        rows += model._default_manager.filter(ticket=ticket).values_list("text", flat=True)
    rows += TicketEvent.objects.filter(ticket=ticket).values_list("reason", flat=True)
    messages = Message.objects.filter(kind__startswith="ticket_", payment=ticket.payment)
    rows += messages.values_list("text_sealed", flat=True)
    return [row for row in rows if row]


def has_file(ticket: Ticket) -> bool:
    found = {
        Attachment.objects.filter(ticket=ticket).exclude(key_sealed="").exists(),
        Attachment.objects.filter(ticket=ticket).exclude(name_sealed="").exists(),
        AttachmentBody.objects.filter(attachment__ticket=ticket).exists(),
    }
    assert len(found) == 1, "all of it or nothing"
    return found.pop()


@pytest.mark.parametrize(
    ("kind", "age", "has_words", "keeps_file"),
    [
        ("C", {"years": 1}, True, True),
        ("C", {"years": 1, "seconds": 1}, True, False),
        # The evidence in a dispute stays with its record.
        ("O", {"years": 1, "seconds": 1}, True, True),
        ("O", {"years": 3}, True, True),
        ("O", {"years": 3, "seconds": 1}, False, False),
        ("C", {"years": 3}, True, False),
        ("C", {"years": 3, "seconds": 1}, False, False),
        ("C", {"years": 4}, False, False),
        # Ended by an answer instead of a decision.
        ("H", {"years": 3}, True, False),
        ("H", {"years": 3, "seconds": 1}, False, False),
    ],
)
def test_words_go_after_three_years_and_files_after_one(
    closed: Callable[..., Ticket],
    kind: str,
    age: dict[str, int],
    *,
    has_words: bool,
    keeps_file: bool,
) -> None:
    years = age.pop("years")
    ticket = closed(ago(years, **age), kind=kind)

    forget()

    left = words_of(ticket)
    assert bool(left) == has_words, left
    assert has_file(ticket) == keeps_file


def test_how_the_case_went_stays_and_its_link_opens_nothing(closed: Callable[..., Ticket]) -> None:
    ticket = closed(ago(3, days=1))
    token, moves = ticket.token, ticket.events.count()

    forget()

    ticket.refresh_from_db()
    assert (ticket.state, ticket.reason, ticket.decided_by) == ("REJECTED", "OTHER", "staff:1")
    assert ticket.events.count() == moves
    assert ticket.token != token
    assert ticket.decision_reason == "–"


def test_it_is_proven_and_done_once(closed: Callable[..., Ticket]) -> None:
    at = ago(3, days=1)
    closed(at)

    # The file by its own rule, then the case.
    assert forget() == 2
    assert forget() == 0

    proof = RetentionProof.objects.get(rule="DESK_RECORD", count=1)
    assert (proof.oldest, proof.cutoff) == (at, years_ago(NOW, 3))


def test_an_open_request_about_the_same_payment_protects_it(closed: Callable[..., Ticket]) -> None:
    ticket = closed(ago(3, days=1))
    assert ticket.payment is not None
    request = tickets.Request(reason="OTHER", text="다시 봐 주세요")
    again = tickets.open_ticket(payment=ticket.payment, request=request, language="ko", now=NOW)

    assert forget() == 0
    assert words_of(ticket)
    assert has_file(again) is False


@pytest.mark.parametrize("is_open", [True, False])
def test_what_was_merged_lives_as_long_as_the_case_it_was_merged_into(
    closed: Callable[..., Ticket], *, is_open: bool
) -> None:
    merged, first = closed(ago(3, days=1)), closed(ago(2, days=300))
    if is_open:
        tickets.reopen(ticket_id=first.pk, reason="다시", by="staff:1", now=ago(3, days=1))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE support_ticket SET duplicate_of_id = %s WHERE id = %s", [first.pk, merged.pk]
        )

    forget()

    assert words_of(merged)
    assert has_file(merged) is is_open


def test_a_case_reopened_counts_from_its_new_end(closed: Callable[..., Ticket]) -> None:
    ticket = closed(ago(4))
    tickets.reopen(ticket_id=ticket.pk, reason="다시", by="staff:1", now=ago(2))
    tickets.reject(ticket_id=ticket.pk, reason="역시", by="staff:1", now=ago(2))

    forget()

    assert words_of(ticket)


def test_the_receipt_of_the_payment_is_the_payments_own(closed: Callable[..., Ticket]) -> None:
    ticket = closed(ago(3, days=1))
    assert ticket.payment is not None
    notifications.paid(ticket.payment, now=ago(3, days=3))
    forget()
    kept = Message.objects.exclude(text_sealed="").values_list("kind", flat=True)
    assert set(kept) == {"paid"}


def test_the_database_holds_on_to_words_before_three_years(closed: Callable[..., Ticket]) -> None:
    """Whatever a program says, and whatever clock it believes."""
    ticket = closed(ago(2))

    forget(now=NOW + timedelta(days=366 * 2))

    assert words_of(ticket)
    assert not RetentionProof.objects.filter(rule="DESK_RECORD").exists()
    for model in (TicketMessage, InternalNote):
        with pytest.raises(ProgrammingError), transaction.atomic(), redacting():
            model._default_manager.filter(ticket=ticket).update(text="")
    with pytest.raises(ProgrammingError), transaction.atomic(), redacting():
        TicketEvent.objects.filter(ticket=ticket).update(reason="")


def test_even_then_words_can_only_be_blanked(closed: Callable[..., Ticket]) -> None:
    ticket = closed(ago(3, days=1))
    said = ticket.messages.filter(author=tickets.SHOPPER)
    for change in ({"text": "나쁜 말"}, {"text": "", "author": "staff:1"}):
        with pytest.raises(ProgrammingError), transaction.atomic(), redacting():
            said.update(**change)
    with pytest.raises(ProgrammingError):
        said.update(text="")
    with pytest.raises(ProgrammingError), transaction.atomic(), redacting():
        ticket.notes.all().delete()


@pytest.mark.parametrize("kind", ["C", "H"])
def test_verify_finds_what_nobody_forgot(closed: Callable[..., Ticket], kind: str) -> None:
    closed(ago(3, days=6), kind=kind)
    late = closed(ago(3, days=9), kind=kind)
    assert invariants.checked([I40])[0].offenders == [f"ticket {late.pk}"]
    forget()
    assert invariants.checked([I40])[0].offenders == []


def test_the_clock_runs_it_and_sweeps_drafts(closed: Callable[..., Ticket]) -> None:
    ticket = closed(ago(3, days=1))
    attachments.draft(ticket_id=ticket.pk, files=[PDF], by="staff:1", now=NOW - timedelta(hours=13))
    tasks.purge()
    assert not words_of(ticket)
    assert Attachment.objects.filter(message=None).count() == 0
