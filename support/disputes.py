"""An objection (이의신청) under 정보통신망법 §58③: the payment's money stays with us until it ends.

We have two weeks to answer. Who says `this was not me` besides has their line stopped at once, and
the desk looks at it first.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from payments import lines, refunds
from payments.calendar import SEOUL
from payments.lines import Holder
from payments.models import Payment
from payments.states import PaymentState
from support import tickets, withholding
from support.files import Accepted
from support.models import Ticket


def object_to(
    *,
    payment: Payment,
    request: tickets.Request,
    language: str,
    now: datetime,
    by: str,
    files: Sequence[Accepted] = (),
) -> Ticket:
    """Hold the money of a payment somebody objects to and open its case; the line pays on.

    Raises tickets.AlreadyOpen, calendar.NotPaid and refunds.UnableToRefund.
    """
    return tickets.open_ticket(
        payment=payment,
        request=request,
        files=files,
        language=language,
        now=now,
        kind=Ticket.Kind.OBJECTION,
        by=by,
    )


@transaction.atomic
def report_not_me(
    *, payment: Payment, holder: Holder, text: str, language: str, now: datetime
) -> Ticket:
    """Block the line, hold the money and open an urgent case, in one commit; returns the case.

    A request that stands open for the payment becomes urgent instead of getting a twin.
    """
    with contextlib.suppress(lines.NothingToChange):
        lines.block(holder, is_not_me=True, language=language, now=now)
    is_paid = payment.state == PaymentState.PAID
    day = payment.paid_at or payment.created_at
    ticket = Ticket(
        kind=Ticket.Kind.OBJECTION,
        is_priority=True,
        payment=payment,
        reason=Ticket.Reason.UNAUTHORIZED,
        text=text,
        product_text=payment.item_name,
        payment_date=day.astimezone(SEOUL).date(),
        language=language,
        accepted_at=now,
        due_at=tickets.answer_due(Ticket.Kind.OBJECTION, now),
        cancel_cutoff_at=refunds.verdict(payment, now).deadline if is_paid else None,
    )
    ticket.set_contact(phone=payment.phone, email=payment.email)
    try:
        tickets.file(ticket, now=now)
    except tickets.AlreadyOpen as error:
        return _make_urgent(error.ticket, text=text, now=now)
    return ticket


def _make_urgent(ticket: Ticket, *, text: str, now: datetime) -> Ticket:
    if ticket.is_priority:
        return ticket
    ticket.is_priority = True
    ticket.save(update_fields=["is_priority"])
    withholding.begin(ticket, by=tickets.SHOPPER, now=now)
    tickets.note(ticket, author=tickets.SYSTEM, text="NOT_ME", at=now)
    if text:
        tickets.say(ticket, author=tickets.SHOPPER, text=text, at=now)
    return ticket
