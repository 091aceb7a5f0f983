"""What happens to a request: opened, decided, withdrawn, resolved.

Every function only writes rows, in one transaction; operators and texts are somebody else's turn
(design §3.4, §3.6). Times are passed in. Errors carry data, never sentences.
"""

from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import IntegrityError, transaction

from payments import calendar, outbox, refunds, states
from payments.calendar import SEOUL
from payments.models import Payment, Refund
from support.models import Ticket, TicketMessage
from support.states import TICKET_MOVES, TICKET_OPEN, TicketState

SHOPPER = "shopper"
SYSTEM = "system"
_ANSWER_DAYS = 3  # 전자상거래법 §18②: three business days.
_END_OF_DAY = time(18, 0)


class AlreadyOpen(Exception):
    """The payment has an open request; carries it, so that the asker can be led there."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket.number)
        self.ticket = ticket


class ReasonMissing(Exception):
    """A decision came without its reason."""


class NothingToRefund(Exception):
    """The request names no payment, so there is no money to give back."""


@dataclass(frozen=True)
class Request:
    """What the shopper wrote."""

    reason: str
    text: str = ""
    email: str = ""
    product_text: str = ""
    payment_date: date | None = None


@transaction.atomic
def open_ticket(*, payment: Payment, request: Request, language: str, now: datetime) -> Ticket:
    """A new cancellation request for a paid payment.

    The database decides that one payment has one open request. Raises AlreadyOpen, NotPaid and
    refunds.UnableToRefund (`ALREADY_REFUNDED`).
    """
    verdict = refunds.verdict(payment, now)
    if not refunds.remaining_won(payment):
        raise refunds.UnableToRefund("ALREADY_REFUNDED")
    paid_at = payment.paid_at or now
    ticket = Ticket(
        kind=Ticket.Kind.CANCELLATION,
        payment=payment,
        reason=request.reason,
        text=request.text,
        product_text=request.product_text or payment.item_name,
        payment_date=request.payment_date or paid_at.astimezone(SEOUL).date(),
        language=language,
        accepted_at=now,
        due_at=_answer_due(now),
        cancel_cutoff_at=verdict.deadline,
    )
    ticket.set_contact(phone=payment.phone, email=request.email or payment.email)
    try:
        with transaction.atomic():
            event = ticket.move_to(TicketState.NEW, at=now, by=SHOPPER)
    except IntegrityError as error:
        # Another request for the same payment was open, or opened just now.
        standing = open_ticket_of(payment)
        if standing is None:
            raise
        raise AlreadyOpen(standing) from error
    if request.text:
        _say(ticket, author=SHOPPER, text=request.text, is_internal=False, at=now)
    outbox.record(event, subject_id=ticket.pk, at=now)
    return ticket


@transaction.atomic
def approve(
    *, ticket_id: int, expected_remaining_won: int, reason: str, by: str, now: datetime
) -> Ticket:
    """Promise the money back: one refund for everything that is left of the payment.

    `expected_remaining_won` is what the agent saw; when less is left by now, nothing happens.
    Raises ReasonMissing, NothingToRefund, IllegalMove when it is decided already,
    refunds.UnableToRefund.
    """
    reason = _required(reason)
    ticket = _locked(ticket_id)
    # Two agents press at once: the second one waits for the lock and then finds no way on.
    states.check_move(TICKET_MOVES, ticket.state, TicketState.APPROVED)
    if ticket.payment_id is None:
        raise NothingToRefund
    ticket.refund = refunds.request(
        payment_id=ticket.payment_id,
        amount_won=expected_remaining_won,
        expected_remaining_won=expected_remaining_won,
        reason=ticket.reason,
        by=by,
        now=now,
    )
    ticket.cancel_cutoff_at = ticket.refund.deadline_at
    return _decide(ticket, TicketState.APPROVED, reason=reason, by=by, now=now)


@transaction.atomic
def reject(*, ticket_id: int, reason: str, by: str, now: datetime) -> Ticket:
    """Turn a request down with a reason the shopper gets to read.

    Raises ReasonMissing, and IllegalMove when it is decided already.
    """
    reason = _required(reason)
    return _decide(_locked(ticket_id), TicketState.REJECTED, reason=reason, by=by, now=now)


@transaction.atomic
def withdraw(*, ticket_id: int, by: str, now: datetime) -> Ticket:
    """Take a request back, together with its refund while no money has moved.

    Raises IllegalMove when it is closed, or when money is on its way.
    """
    ticket = _locked(ticket_id)
    states.check_move(TICKET_MOVES, ticket.state, TicketState.WITHDRAWN)
    if ticket.refund_id is not None:
        refunds.withdraw(refund_id=ticket.refund_id, by=by, now=now)
    return _announce(ticket, TicketState.WITHDRAWN, by=by, now=now)


@transaction.atomic
def resolve_for_refund(*, refund_id: int, now: datetime) -> Ticket | None:
    """Close the request whose refund arrived; None when the refund has no request.

    Safe to repeat: a request that is resolved already is returned as it is.
    """
    ticket = _locked_of_refund(refund_id)
    if ticket is None or ticket.state == TicketState.RESOLVED:
        return ticket
    return _announce(ticket, TicketState.RESOLVED, by=SYSTEM, now=now)


@transaction.atomic
def refund_changed_route(*, refund_id: int, now: datetime) -> Ticket | None:
    """Note that the money now goes to a bank account; None when the refund has no request.

    Safe to repeat: the carrier's clock stops once, and the note is written with it.
    """
    ticket = _locked_of_refund(refund_id)
    if ticket is None or ticket.cancel_cutoff_at is None:
        return ticket
    ticket.cancel_cutoff_at = None
    ticket.save(update_fields=["cancel_cutoff_at"])
    _say(ticket, author=SYSTEM, text="ROUTE_BANK", is_internal=True, at=now)
    return ticket


@transaction.atomic
def give_account(*, ticket_id: int, bank: str, number: str, holder: str, now: datetime) -> Refund:
    """Pass the shopper's bank account on to the refund that waits for it.

    Raises NothingToRefund when no refund was promised, IllegalMove unless it waits for one.
    """
    ticket = _locked(ticket_id)
    if ticket.refund_id is None:
        raise NothingToRefund
    return refunds.give_account(
        refund_id=ticket.refund_id, bank=bank, number=number, holder=holder, now=now
    )


@transaction.atomic
def add_note(*, ticket_id: int, text: str, by: str, now: datetime) -> TicketMessage:
    """Write an internal note; no outbound channel ever reads it. Raises ReasonMissing."""
    return _say(
        Ticket.objects.get(pk=ticket_id),
        author=by,
        text=_required(text),
        is_internal=True,
        at=now,
    )


def open_ticket_of(payment: Payment) -> Ticket | None:
    """The request about this payment that is not closed yet."""
    return Ticket.objects.filter(payment=payment, state__in=TICKET_OPEN).first()


def _required(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise ReasonMissing
    return reason


def _locked(ticket_id: int) -> Ticket:
    return Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=ticket_id)


def _locked_of_refund(refund_id: int) -> Ticket | None:
    return (
        Ticket.objects.select_for_update(of=("self",), no_key=True)
        .filter(refund_id=refund_id)
        .first()
    )


def _decide(ticket: Ticket, target: TicketState, *, reason: str, by: str, now: datetime) -> Ticket:
    ticket.decided_at, ticket.decided_by, ticket.decision_reason = now, by, reason
    return _announce(ticket, target, by=by, now=now, reason=reason)


def _announce(
    ticket: Ticket, target: TicketState, *, by: str, now: datetime, reason: str = ""
) -> Ticket:
    event = ticket.move_to(target, at=now, by=by, reason=reason)
    outbox.record(event, subject_id=ticket.pk, at=now)
    return ticket


def _say(
    ticket: Ticket, *, author: str, text: str, is_internal: bool, at: datetime
) -> TicketMessage:
    return TicketMessage.objects.create(
        ticket=ticket, author=author, text=text, is_internal=is_internal, at=at
    )


def _answer_due(now: datetime) -> datetime:
    day = calendar.business_days_after(now.astimezone(SEOUL).date(), _ANSWER_DAYS)
    return datetime.combine(day, _END_OF_DAY, tzinfo=SEOUL)
