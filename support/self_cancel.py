"""Cancelling without an agent, where nothing has to be judged: this month, unused, small.

It leaves the same rows as a request that an agent approved, so that it is tracked, told and
reported like every other.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from payments import refunds
from payments.calendar import Route
from payments.models import Payment
from payments.states import PaymentState
from support import tickets
from support.models import Ticket


class NeedsAgent(Exception):
    """The payment cannot be cancelled at once (any more): it was used, or its month is over."""


def is_possible(payment: Payment, *, now: datetime) -> bool:
    """Whether policy lets the payer cancel at once: PAID, unused, whole, carrier route, small."""
    return (
        payment.state == PaymentState.PAID
        and payment.used_at is None
        and payment.amount_won <= settings.SELF_CANCEL_MAX_WON
        and refunds.verdict(payment, now).route == Route.CARRIER
        and refunds.remaining_won(payment) == payment.amount_won
        and tickets.open_ticket_of(payment) is None
    )


@transaction.atomic
def cancel(*, payment_id: int, reason: str, language: str, now: datetime) -> Ticket:
    """Cancel at once; returns the request that stands for it, approved already.

    `reason` is why no agent was needed, in words the payer and the desk read.
    Raises NeedsAgent; pressed twice, the second press finds the first one's request.
    """
    # Races with the first use of what was bought, and with a second press.
    payment = (
        Payment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("merchant")
        .get(pk=payment_id)
    )
    if not is_possible(payment, now=now):
        raise NeedsAgent
    wanted = tickets.Request(reason=Ticket.Reason.CHANGE_OF_MIND)
    ticket = tickets.open_ticket(
        payment=payment, request=wanted, language=language, now=now, is_announced=False
    )
    return tickets.approve(
        ticket_id=ticket.pk,
        expected_remaining_won=payment.amount_won,
        reason=reason,
        by=tickets.SHOPPER,
        now=now,
    )
