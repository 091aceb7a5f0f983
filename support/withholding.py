"""While an objection stands, its payment's money waits with us (정보통신망법 §58③).

A hold carries the number of the case it was made for; one that somebody made by hand stays theirs.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime

from payments import settlement
from payments.models import SettlementHold
from payments.states import PAYMENT_LIVE
from support.models import Ticket


def begin(ticket: Ticket, *, by: str, now: datetime) -> None:
    """Keep the payment's money from its merchant. Again changes nothing.

    Also what is not charged yet but may come to be.
    """
    payment = ticket.payment
    if payment is not None and payment.state in PAYMENT_LIVE:
        settlement.hold(payment.pk, reason=ticket.number, by=by, now=now)


def end(ticket: Ticket, *, by: str, now: datetime) -> None:
    """The case is closed: let go what was held for it, and for those that were merged into it."""
    for case in _with_merged(ticket):
        own = SettlementHold.objects.filter(
            payment=case.payment_id, reason=case.number, released_at__isnull=True
        )
        # Races with somebody who lets go by hand.
        with contextlib.suppress(settlement.NoSuchHold):
            for hold in own:
                settlement.release(hold.payment_id, reason=ticket.state, by=by, now=now)


def _with_merged(ticket: Ticket) -> Iterator[Ticket]:
    yield ticket
    for merged in ticket.duplicates.all():
        yield from _with_merged(merged)
