"""What happens to a request: opened, handed over, asked about, decided, answered, withdrawn.

`seen` is the last line of its history that the person deciding had on the screen: when there is
more by now, nothing happens. None skips the question, for machines.

Every function only writes rows, in one transaction; operators and texts are somebody else's turn
(design §3.4, §3.6). Times are passed in. Errors carry data, never sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction

from payments import decisions, refunds, states
from payments.calendar import SEOUL
from payments.models import Payment, Refund
from support import attachments, clocks, notices, office, withholding
from support.files import Accepted
from support.models import InternalNote, Ticket, TicketEvent, TicketMessage
from support.states import TICKET_FINAL, TICKET_MOVES, TICKET_OPEN, TicketState

SHOPPER = "shopper"
SYSTEM = "system"
MERCHANT = "merchant"
# The reason in the history of an answer; its words are a message.
ANSWERED = "ANSWERED"
_REPLIED = "ticket.replied"
_REFUND = "refund"
# Unasked messages of a customer to one case: a telephone is better than an eleventh.
_WRITING_LIMIT = 10
_WRITING_WINDOW = timedelta(hours=1)


class AlreadyOpen(Exception):
    """The payment has an open request; carries it, so that the asker can be led there."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket.number)
        self.ticket = ticket


class ReasonMissing(Exception):
    """A decision came without its reason."""


class NothingToRefund(Exception):
    """The request names no payment, so there is no money to give back."""


class AlreadyTaken(Exception):
    """Somebody else works on the case."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket.number)
        self.ticket = ticket


class ChangedMeanwhile(Exception):
    """The case has a longer history than the decider saw; carries what came since."""

    def __init__(self, events: list[TicketEvent]) -> None:
        super().__init__(len(events))
        self.events = events


class TooMany(Exception):
    """A customer has written too often lately."""


class NotTheSameMatter(Exception):
    """The case named as the first one is closed, the same, or another customer's."""


@dataclass(frozen=True)
class Request:
    """What the shopper wrote."""

    reason: str
    text: str = ""
    email: str = ""
    product_text: str = ""
    payment_date: date | None = None
    source: str = Ticket.Source.WEB
    contact: str = Ticket.Contact.ANY


@transaction.atomic
def open_ticket(
    *,
    payment: Payment,
    request: Request,
    language: str,
    now: datetime,
    files: Sequence[Accepted] = (),
    is_announced: bool = True,
    kind: Ticket.Kind = Ticket.Kind.CANCELLATION,
    by: str = SHOPPER,
) -> Ticket:
    """A new request for a paid payment's money: cancellation, or objection (disputes.object_to).

    The database decides that one payment has one open request. Without `is_announced` nobody is
    told, because an answer follows in the same breath. `by` is the shopper, or who took it down.
    Raises AlreadyOpen, NotPaid and refunds.UnableToRefund (`ALREADY_REFUNDED`).
    """
    verdict = refunds.verdict(payment, now)
    if not refunds.remaining_won(payment):
        raise refunds.UnableToRefund("ALREADY_REFUNDED")
    paid_at = payment.paid_at or now
    ticket = Ticket(
        kind=kind,
        source=request.source,
        contact=request.contact,
        payment=payment,
        reason=request.reason,
        text=request.text,
        product_text=request.product_text or payment.item_name,
        payment_date=request.payment_date or paid_at.astimezone(SEOUL).date(),
        language=language,
        accepted_at=now,
        due_at=answer_due(kind, now),
        cancel_cutoff_at=verdict.deadline,
    )
    is_by_text = request.contact == Ticket.Contact.SMS
    email = "" if is_by_text else request.email or payment.email
    ticket.set_contact(phone=payment.phone, email=email)
    file(ticket, files=files, now=now, is_announced=is_announced, by=by)
    return ticket


def file(
    ticket: Ticket,
    *,
    now: datetime,
    files: Sequence[Accepted] = (),
    is_announced: bool = True,
    by: str = SHOPPER,
) -> None:
    """Save a new ticket with what the customer wrote or said, and announce it.

    Inside a transaction. Raises AlreadyOpen when the same matter has an open ticket.
    """
    try:
        with transaction.atomic():
            ticket.move_to(TicketState.NEW, at=now, by=by, is_announced=is_announced)
    except IntegrityError as error:
        # Another request in the same matter was open, or opened just now.
        standing = _open_in_the_matter_of(ticket)
        if standing is None:
            raise
        raise AlreadyOpen(standing) from error
    if ticket.kind == Ticket.Kind.OBJECTION:
        withholding.begin(ticket, by=by, now=now)
    if ticket.text or files:
        say(ticket, author=SHOPPER, text=ticket.text, at=now, files=files)


@transaction.atomic
def approve(
    *,
    ticket_id: int,
    expected_remaining_won: int,
    reason: str,
    by: str,
    now: datetime,
    seen: int | None = None,
    amount_won: int | None = None,
) -> Ticket:
    """Promise money back: one refund of `amount_won`, or of everything that is left.

    `expected_remaining_won` is what the agent saw; when less is left by now, nothing happens.
    Above the amount one person decides alone, the first call only proposes (`is_proposed`) and
    somebody else's approves. Raises ReasonMissing, NothingToRefund, IllegalMove when it is decided
    already, ChangedMeanwhile, refunds.UnableToRefund, decisions.SamePerson.
    """
    reason = _required(reason)
    ticket = _locked(ticket_id)
    # Two agents press at once: the second one waits for the lock and then finds no way on.
    _check(ticket, TicketState.APPROVED, seen, by=by)
    if ticket.payment is None or not ticket.is_about_money:
        raise NothingToRefund
    wanted_won = expected_remaining_won if amount_won is None else amount_won
    first = decisions.agreed(
        _REFUND,
        subject=f"payment:{ticket.payment_id}",
        amount_won=wanted_won,
        already_won=refunds.decided_alone_won(ticket.payment),
        merchant=ticket.payment.merchant,
        reason=reason,
        by=by,
        now=now,
    )
    if first is None:
        ticket.log("ticket.proposed", at=now, by=by, reason=reason)
        return ticket
    ticket.refund = refunds.request(
        payment_id=ticket.payment.pk,
        amount_won=wanted_won,
        expected_remaining_won=expected_remaining_won,
        reason=ticket.reason,
        by=by,
        requested_by=first,
        now=now,
    )
    ticket.cancel_cutoff_at = ticket.refund.deadline_at
    return _decide(ticket, TicketState.APPROVED, reason=reason, by=by, now=now)


@transaction.atomic
def reject(
    *, ticket_id: int, reason: str, by: str, now: datetime, seen: int | None = None
) -> Ticket:
    """Turn a request down with a reason the shopper gets to read.

    Raises ReasonMissing, ChangedMeanwhile, and IllegalMove when it is decided already.
    """
    reason = _required(reason)
    ticket = _locked(ticket_id)
    _check(ticket, TicketState.REJECTED, seen, by=by)
    return _decide(ticket, TicketState.REJECTED, reason=reason, by=by, now=now)


@transaction.atomic
def answer(*, ticket_id: int, text: str, by: str, now: datetime, seen: int | None = None) -> Ticket:
    """End a case that is not about money with the words the customer gets to read.

    Raises ReasonMissing, ChangedMeanwhile, and IllegalMove when it is decided already or is about
    money: that ends with a refund or a refusal.
    """
    text = _required(text)
    ticket = _locked(ticket_id)
    if ticket.is_about_money:
        raise states.IllegalMove(ticket.state, TicketState.ANSWERED)
    _check(ticket, TicketState.ANSWERED, seen, by=by)
    return _decide(ticket, TicketState.ANSWERED, reason=text, by=by, now=now)


@transaction.atomic
def claim(*, ticket_id: int, user_id: int, by: str, now: datetime) -> Ticket:
    """Take a free case; taking one's own again changes nothing.

    Raises AlreadyTaken, and IllegalMove when it is closed.
    """
    ticket = _locked(ticket_id)
    if ticket.assignee_id not in (None, user_id):
        raise AlreadyTaken(ticket)
    return _hand_over(ticket, user_id, "ticket.claimed", by=by, now=now)


@transaction.atomic
def assign(
    *, ticket_id: int, user_id: int, by: str, now: datetime, seen: int | None = None
) -> Ticket:
    """Hand a case to somebody, whoever has it.

    Raises IllegalMove when it is closed, ChangedMeanwhile.
    """
    ticket = _locked(ticket_id)
    if since := unseen(ticket, seen, by=by):
        raise ChangedMeanwhile(since)
    return _hand_over(ticket, user_id, "ticket.assigned", by=by, now=now)


@transaction.atomic
def release(*, ticket_id: int, by: str, now: datetime) -> Ticket:
    """Put a case back for anybody to take. Raises IllegalMove when it is closed."""
    return _hand_over(_locked(ticket_id), None, "ticket.released", by=by, now=now)


@transaction.atomic
def ask_customer(
    *, ticket_id: int, question: str, by: str, now: datetime, seen: int | None = None
) -> Ticket:
    """Send the customer a question and wait for the answer.

    Raises ReasonMissing, ChangedMeanwhile, and IllegalMove unless somebody can be waited for.
    """
    question = _required(question)
    ticket = _locked(ticket_id)
    _check(ticket, TicketState.WAITING_CUSTOMER, seen, by=by)
    said = say(ticket, author=by, text=question, at=now)
    _announce(ticket, TicketState.WAITING_CUSTOMER, by=by, now=now, reason=question)
    notices.send(notices.QUESTION, ticket, now=now, dedupe=f":{said.pk}", question=question)
    return ticket


@transaction.atomic
def ask_merchant(
    *, ticket_id: int, question: str, by: str, now: datetime, seen: int | None = None
) -> Ticket:
    """Refer a case to its merchant by mail and wait for the answer.

    Raises ReasonMissing, NothingToRefund when no merchant is known, ChangedMeanwhile, IllegalMove.
    """
    question = _required(question)
    ticket = _locked(ticket_id)
    _check(ticket, TicketState.WAITING_MERCHANT, seen, by=by)
    if ticket.payment is None:
        raise NothingToRefund
    said = say(ticket, author=by, text=question, at=now, party=TicketMessage.Party.MERCHANT)
    _announce(ticket, TicketState.WAITING_MERCHANT, by=by, now=now, reason=question)
    notices.send_to_merchant(ticket, question=question, now=now, dedupe=f":{said.pk}")
    return ticket


@transaction.atomic
def customer_answered(
    *, ticket_id: int, text: str, by: str, now: datetime, files: Sequence[Accepted] = ()
) -> Ticket:
    """Write down the customer's answer; `by` is the customer, or the agent who heard it.

    Raises ReasonMissing, attachments.TooMany, and IllegalMove unless the case waits for it.
    """
    ticket = _locked(ticket_id)
    if ticket.state != TicketState.WAITING_CUSTOMER:
        raise states.IllegalMove(ticket.state, TicketState.IN_PROGRESS)
    say(ticket, author=SHOPPER, text=_required(text), at=now, files=files)
    return _announce(ticket, TicketState.IN_PROGRESS, by=by, now=now, reason=ANSWERED)


@transaction.atomic
def customer_wrote(
    *,
    ticket_id: int,
    text: str,
    now: datetime,
    files: Sequence[Accepted] = (),
    by: str = SHOPPER,
) -> Ticket:
    """Write down what the customer says unasked; to a question it is the answer.

    `by` is the customer, who may write so often an hour, or the agent who heard it. Raises
    ReasonMissing, TooMany, attachments.TooMany, and IllegalMove when the case is closed.
    """
    text = _required(text)
    ticket = _locked(ticket_id)
    if ticket.is_final:
        raise states.IllegalMove(ticket.state, ticket.state)
    if ticket.state == TicketState.WAITING_CUSTOMER:
        return customer_answered(ticket_id=ticket_id, text=text, by=by, now=now, files=files)
    lately = ticket.messages.filter(author=SHOPPER, at__gt=now - _WRITING_WINDOW)
    if by == SHOPPER and lately.count() >= _WRITING_LIMIT:
        raise TooMany
    say(ticket, author=SHOPPER, text=text, at=now, files=files)
    ticket.log("ticket.customer_wrote", at=now, by=by)
    return ticket


@transaction.atomic
def replied(*, ticket_id: int, text: str, by: str, now: datetime) -> TicketMessage:
    """Write down what we told the customer."""
    ticket = _locked(ticket_id)
    ticket.log(_REPLIED, at=now, by=by)
    return say(ticket, author=by, text=text, at=now)


@transaction.atomic
def wait_for_customer(*, ticket_id: int, by: str, now: datetime) -> Ticket:
    """The customer has the floor. Raises IllegalMove unless somebody can be waited for."""
    return _announce(_locked(ticket_id), TicketState.WAITING_CUSTOMER, by=by, now=now)


@transaction.atomic
def merchant_answered(
    *, ticket_id: int, text: str, by: str, now: datetime, files: Sequence[Accepted] = ()
) -> Ticket:
    """Write down the merchant's answer, which the customer never reads.

    Raises ReasonMissing, attachments.TooMany, and IllegalMove unless the case waits for it.
    """
    ticket = _locked(ticket_id)
    if ticket.state != TicketState.WAITING_MERCHANT:
        raise states.IllegalMove(ticket.state, TicketState.IN_PROGRESS)
    party = TicketMessage.Party.MERCHANT
    say(ticket, author=MERCHANT, text=_required(text), at=now, party=party, files=files)
    return _announce(ticket, TicketState.IN_PROGRESS, by=by, now=now, reason=ANSWERED)


@transaction.atomic
def mark_duplicate(
    *, ticket_id: int, first_id: int, reason: str, by: str, now: datetime, seen: int | None = None
) -> Ticket:
    """Close a case as the repetition of an open one of the same line or mail address.

    The first one shows both threads.

    Raises ReasonMissing, NotTheSameMatter, ChangedMeanwhile, IllegalMove.
    """
    reason = _required(reason)
    # In the order of their ids, so that two agents merging both ways do not lock each other out.
    rows = {pk: _locked(pk) for pk in sorted({ticket_id, first_id}) if _exists(pk)}
    ticket, first = rows[ticket_id], rows.get(first_id)
    _check(ticket, TicketState.DUPLICATE, seen, by=by)
    if (
        first is None
        or first == ticket
        or first.state in TICKET_FINAL
        or not _is_same_customer(first, ticket)
        # A request for money would be lost in a case that cannot give any.
        or (ticket.is_about_money and not first.is_about_money)
    ):
        raise NotTheSameMatter
    ticket.duplicate_of = first
    _announce(ticket, TicketState.DUPLICATE, by=by, now=now, reason=reason)
    first.log("ticket.merged", at=now, by=by, reason=ticket.number)
    notices.send(
        notices.DUPLICATE,
        ticket,
        now=now,
        dedupe=notices.round_of(ticket),
        first=first,
        reason=reason,
    )
    return ticket


@transaction.atomic
def reopen(
    *, ticket_id: int, reason: str, by: str, now: datetime, seen: int | None = None
) -> Ticket:
    """Look again at a case that was turned down, answered or merged; its clock starts anew.

    Raises ReasonMissing, ChangedMeanwhile, IllegalMove for any other state, AlreadyOpen when the
    same matter has another open case, refunds.UnableToRefund when no money is left to give back.
    """
    reason = _required(reason)
    ticket = _locked(ticket_id)
    # Of the moves to "in progress" only those from a closed case are a reopening.
    if ticket.state not in TICKET_FINAL:
        raise states.IllegalMove(ticket.state, TicketState.IN_PROGRESS)
    _check(ticket, TicketState.IN_PROGRESS, seen, by=by)
    if standing := _open_in_the_matter_of(ticket):
        raise AlreadyOpen(standing)
    payment = ticket.payment
    if payment is not None and ticket.is_about_money:
        if not refunds.remaining_won(payment):
            raise refunds.UnableToRefund("ALREADY_REFUNDED")
        ticket.cancel_cutoff_at = refunds.verdict(payment, now).deadline
    ticket.duplicate_of = None
    ticket.reopened_at, ticket.due_at = now, answer_due(ticket.kind, now)
    ticket.clock_left = ticket.clock_at = None
    ticket.result_notified_at = None
    ticket.decided_at, ticket.decided_by, ticket.decision_reason = None, "", ""
    _announce(ticket, TicketState.IN_PROGRESS, by=by, now=now, reason=reason)
    if ticket.kind == Ticket.Kind.OBJECTION or ticket.is_priority:
        withholding.begin(ticket, by=by, now=now)
    notices.send(notices.REOPENED, ticket, now=now, dedupe=notices.round_of(ticket))
    return ticket


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
    note(ticket, author=SYSTEM, text="ROUTE_BANK", at=now)
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
def add_note(*, ticket_id: int, text: str, by: str, now: datetime) -> InternalNote:
    """Write an internal note; no outbound channel ever reads it. Raises ReasonMissing."""
    text = _required(text)
    return note(_locked(ticket_id), author=by, text=text, at=now)


def is_proposed(ticket: Ticket) -> bool:
    """Whether somebody wants it approved, and it waits for a second person."""
    return decisions.pending(_REFUND, subject=f"payment:{ticket.payment_id}") is not None


def last_change(ticket: Ticket) -> int:
    """The `seen` of a case as it stands: the id of the last line of its history."""
    last = ticket.events.order_by("-pk").values_list("pk", flat=True).first()
    return last or 0


def unseen(ticket: Ticket, seen: int | None, *, by: str) -> list[TicketEvent]:
    """What came after `seen`, but for own replies, which leave later than they are written."""
    if seen is None:
        return []
    since = ticket.events.filter(pk__gt=seen).exclude(event=_REPLIED, actor=by)
    return list(since.order_by("pk"))


def open_ticket_of(payment: Payment) -> Ticket | None:
    """The request about this payment's money that is not closed yet."""
    rows = Ticket.objects.filter(payment=payment, kind__in=Ticket.ABOUT_MONEY)
    return rows.filter(state__in=TICKET_OPEN).first()


def _open_in_the_matter_of(ticket: Ticket) -> Ticket | None:
    """The open request that leaves no room for this one; the constraints of Ticket say the same."""
    if ticket.payment is not None and ticket.is_about_money:
        return open_ticket_of(ticket.payment)
    rows = Ticket.objects.filter(kind=ticket.kind, state__in=TICKET_OPEN, payment=ticket.payment)
    if ticket.payment is None:
        rows = rows.filter(phone_bidx=ticket.phone_bidx).exclude(phone_last4="")
    return rows.first()


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
    if target == TicketState.WAITING_CUSTOMER:
        ticket.stop_clock(office.hours(), at=now)
    elif ticket.state == TicketState.WAITING_CUSTOMER and target == TicketState.IN_PROGRESS:
        ticket.run_clock(office.hours(), at=now)
    ticket.move_to(target, at=now, by=by, reason=reason)
    # A merged case goes on in the first one, and so does what is held for it.
    if target in TICKET_FINAL and ticket.is_about_money:
        decisions.drop(_REFUND, subject=f"payment:{ticket.payment_id}")
    if target in TICKET_FINAL and target != TicketState.DUPLICATE:
        withholding.end(ticket, by=by, now=now)
    return ticket


def _check(ticket: Ticket, target: TicketState, seen: int | None, *, by: str) -> None:
    states.check_move(TICKET_MOVES, ticket.state, target)
    if since := unseen(ticket, seen, by=by):
        raise ChangedMeanwhile(since)


def _hand_over(
    ticket: Ticket, user_id: int | None, happened: str, *, by: str, now: datetime
) -> Ticket:
    if ticket.is_final:
        raise states.IllegalMove(ticket.state, TicketState.IN_PROGRESS)
    if ticket.assignee_id == user_id:
        return ticket
    ticket.assignee_id = user_id
    if user_id is not None and ticket.state == TicketState.NEW:
        _announce(ticket, TicketState.IN_PROGRESS, by=by, now=now)
    else:
        ticket.save(update_fields=["assignee"])
    ticket.log(happened, at=now, by=by, reason=f"staff:{user_id}" if user_id else "")
    return ticket


def _is_same_customer(one: Ticket, other: Ticket) -> bool:
    same_line = bool(one.phone_bidx) and one.phone_bidx == other.phone_bidx
    return same_line or (bool(one.email_bidx) and one.email_bidx == other.email_bidx)


def _exists(ticket_id: int) -> bool:
    return Ticket.objects.filter(pk=ticket_id).exists()


def say(
    ticket: Ticket,
    *,
    author: str,
    text: str,
    at: datetime,
    party: TicketMessage.Party = TicketMessage.Party.CUSTOMER,
    files: Sequence[Accepted] = (),
) -> TicketMessage:
    """Add one turn of the conversation with the customer or the shop.

    Raises attachments.TooMany.
    """
    said = TicketMessage.objects.create(ticket=ticket, party=party, author=author, text=text, at=at)
    attachments.add(said, files, now=at)
    return said


def note(ticket: Ticket, *, author: str, text: str, at: datetime) -> InternalNote:
    """Add an internal note; no outbound channel ever reads it."""
    note = InternalNote.objects.create(ticket=ticket, author=author, text=text, at=at)
    ticket.log("ticket.noted", at=at, by=author)
    return note


def answer_due(kind: str, now: datetime) -> datetime:
    """Until when a request of this kind that arrives now is answered."""
    return clocks.first_due(kind, now, office.hours())
