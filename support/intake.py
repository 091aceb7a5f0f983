"""A request that reached us by telephone, fax or letter, and that somebody of ours takes down.

It runs through the same doors as the shopper's own; only who opened it, and how it came, differ.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from payments import encryption
from payments.calendar import NotPaid
from payments.models import Payment
from payments.states import PaymentState
from support import buyers, disputes, tickets
from support.models import Ticket
from support.states import TICKET_OPEN

# Of one line; what is older is found by its number.
SHOWN = 10
_NOTHING_HAPPENED = (PaymentState.CREATED, PaymentState.EXPIRED, PaymentState.CANCELED)
NEEDS_PAYMENT = frozenset(
    {Ticket.Kind.CANCELLATION, Ticket.Kind.OBJECTION, Ticket.Kind.BUYER_INFORMATION}
)


class PaymentMissing(Exception):
    """This kind of request is about one payment, and none was chosen."""


@dataclass(frozen=True)
class Taken:
    """What was heard: `phone` is canonical, `email` empty unless answers go there."""

    kind: Ticket.Kind
    phone: str
    reason: str
    text: str
    email: str
    contact: str
    source: str
    language: str


def payments_of_line(phone: str) -> list[Payment]:
    """The newest payments of a canonical number in which anything happened."""
    rows = Payment.objects.filter(phone_bidx=encryption.blind_index(phone, kind="phone"))
    found = rows.exclude(state__in=_NOTHING_HAPPENED).select_related("merchant")
    return list(found.prefetch_related("refunds").order_by("-created_at", "-pk")[:SHOWN])


def payment_of_line(phone: str, reference: str) -> Payment | None:
    """A payment by its number, only if this line made it."""
    rows = Payment.objects.filter(phone_bidx=encryption.blind_index(phone, kind="phone"))
    return rows.filter(reference=reference).select_related("merchant").first()


def open_cases_of_line(phone: str) -> list[Ticket]:
    """What stands open for a canonical number already, newest first."""
    rows = Ticket.objects.filter(phone_bidx=encryption.blind_index(phone, kind="phone"))
    found = rows.filter(state__in=TICKET_OPEN).select_related("payment")
    return list(found.order_by("-pk")[:SHOWN])


@transaction.atomic
def take(taken: Taken, *, payment: Payment | None, by: str, now: datetime) -> Ticket:
    """Open the case, in the history as `by`'s doing.

    Raises PaymentMissing, tickets.AlreadyOpen, and for what is about money calendar.NotPaid and
    refunds.UnableToRefund.
    """
    if payment is None and taken.kind in NEEDS_PAYMENT:
        raise PaymentMissing
    if payment is None or taken.kind not in NEEDS_PAYMENT:
        return _file(_plain(taken, payment, now), taken, by=by, now=now)
    if taken.kind == Ticket.Kind.BUYER_INFORMATION:
        ticket = buyers.begin(payment=payment, language=taken.language, now=now)
        return _file(ticket, taken, by=by, now=now)
    if payment.state != PaymentState.PAID:
        raise NotPaid
    request = tickets.Request(
        reason=taken.reason,
        text=taken.text,
        email=taken.email,
        source=taken.source,
        contact=taken.contact,
    )
    if taken.kind == Ticket.Kind.OBJECTION:
        return disputes.object_to(
            payment=payment, request=request, language=taken.language, now=now, by=by
        )
    return tickets.open_ticket(
        payment=payment, request=request, language=taken.language, now=now, by=by
    )


def _plain(taken: Taken, payment: Payment | None, now: datetime) -> Ticket:
    """A history is about the whole line; anything else may be about a payment or about none."""
    is_history = taken.kind == Ticket.Kind.PURCHASE_HISTORY
    about = None if is_history else payment
    return Ticket(
        kind=taken.kind,
        payment=about,
        reason=Ticket.Reason.OTHER,
        product_text=about.item_name if about else "",
        language=taken.language,
        accepted_at=now,
        due_at=tickets.answer_due(taken.kind, now),
    )


def _file(ticket: Ticket, taken: Taken, *, by: str, now: datetime) -> Ticket:
    ticket.text, ticket.source, ticket.contact = taken.text, taken.source, taken.contact
    ticket.set_contact(phone=taken.phone, email=taken.email)
    tickets.file(ticket, now=now, by=by)
    return ticket
