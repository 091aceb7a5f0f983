"""Who bought with a line, told to its owner by the seller (정보통신망법 §58의2): within three days.

Two decide before anything is told: the desk, or the door of the own payments, that the owner asks;
and the seller, that it tells. Both telling and looking are on the trail. What was told is kept
sealed and destroyed when the time to look is over.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from payments import states
from payments.models import Merchant, Payment
from payments.retention import Rule
from support import audit, papers, tickets
from support.models import AuditEntry, BuyerAnswer, Ticket
from support.states import TICKET_UNDECIDED, TicketState


class NotThere(Exception):
    """There is nothing to look at: it was never told, or its time is over."""


def requests_of(merchant: Merchant) -> QuerySet[Ticket]:
    """What owners of lines ask this seller: what waits for it, then what it has answered."""
    rows = Ticket.objects.filter(
        kind=Ticket.Kind.BUYER_INFORMATION, payment__merchant=merchant
    ).exclude(state__in=TICKET_UNDECIDED - {TicketState.WAITING_MERCHANT})
    return rows.select_related("payment").order_by("-pk")


@transaction.atomic
def ask(*, payment: Payment, question: str, language: str, now: datetime) -> Ticket:
    """The owner, who came through the door of the own payments, asks; the seller is told at once.

    Raises tickets.AlreadyOpen.
    """
    ticket = begin(payment=payment, language=language, now=now)
    tickets.file(ticket, now=now)
    return tickets.ask_merchant(ticket_id=ticket.pk, question=question, by=tickets.SYSTEM, now=now)


def begin(*, payment: Payment, language: str, now: datetime) -> Ticket:
    """A request of this kind about a payment; the caller files it."""
    ticket = Ticket(
        kind=Ticket.Kind.BUYER_INFORMATION,
        payment=payment,
        reason=Ticket.Reason.OTHER,
        product_text=payment.item_name,
        language=language,
        accepted_at=now,
        due_at=tickets.answer_due(Ticket.Kind.BUYER_INFORMATION, now),
    )
    ticket.set_contact(phone=payment.phone, email=payment.email)
    return ticket


@transaction.atomic
def tell(
    *,
    ticket_id: int,
    name: str,
    birthdate: date,
    words: str,
    user_id: int,
    address: str,
    now: datetime,
) -> Ticket:
    """The seller tells who bought; the case ends with `words`, which hold nothing of the buyer.

    Raises IllegalMove unless the case waits for the seller.
    """
    ticket = _waiting(ticket_id)
    answer = BuyerAnswer.objects.filter(ticket=ticket).first() or BuyerAnswer(ticket=ticket)
    answer.set_buyer(name=name, birthdate=birthdate.isoformat())
    answer.given_by_id, answer.given_at = user_id, now
    answer.save()
    ticket = tickets.answer(ticket_id=ticket_id, text=words, by=tickets.MERCHANT, now=now)
    audit.record(
        AuditEntry.Action.PROVIDED,
        actor=f"merchant:{user_id}",
        subject=_subject(ticket),
        person=ticket.phone_bidx,
        address=address,
        at=now,
    )
    return ticket


@transaction.atomic
def decline(*, ticket_id: int, cause: str, now: datetime) -> Ticket:
    """The seller cannot tell, for a cause the desk looks at before it is passed on.

    Raises tickets.ReasonMissing, and IllegalMove unless the case waits for the seller.
    """
    _waiting(ticket_id)
    return tickets.merchant_answered(ticket_id=ticket_id, text=cause, by=tickets.MERCHANT, now=now)


@transaction.atomic
def look(ticket: Ticket, *, actor: str, address: str, now: datetime) -> tuple[str, str]:
    """Name and birthdate (`1990-01-31`), for the line's owner and the trail. Raises NotThere."""
    until = papers.until(ticket)
    if until is None or until <= now or not ticket.buyer.name_sealed:
        raise NotThere
    found = ticket.buyer.name, ticket.buyer.birthdate
    audit.record(
        AuditEntry.Action.REVEALED,
        actor=actor,
        subject=_subject(ticket),
        person=ticket.phone_bidx,
        reason=ticket.number,
        address=address,
        at=now,
    )
    return found


def _waiting(ticket_id: int) -> Ticket:
    ticket = Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=ticket_id)
    is_ours = ticket.kind == Ticket.Kind.BUYER_INFORMATION
    if not is_ours or ticket.state != TicketState.WAITING_MERCHANT:
        raise states.IllegalMove(ticket.state, TicketState.ANSWERED)
    return ticket


def _subject(ticket: Ticket) -> str:
    return f"ticket:{ticket.pk}:buyer"


def _told() -> QuerySet[Any]:
    return BuyerAnswer.objects.exclude(name_sealed="").annotate(since=F("given_at"))


def _forget(keys: Iterable[int]) -> None:
    BuyerAnswer.objects.filter(pk__in=list(keys)).update(name_sealed="", birthdate_sealed="")


# Told for looking at, not for keeping.
RETENTION = Rule("BUYER", lambda now: now - papers.SHOWN_FOR, _told, _forget, None)
