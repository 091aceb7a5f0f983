"""What a case hands over: a purchase history, or who bought. Behind the door of the own payments.

A text or a mail only says that it is there: whoever reads along sees nothing of it.
"""

from datetime import datetime, timedelta

from support.models import Ticket
from support.states import TicketState

SHOWN_FOR = timedelta(days=14)
_KINDS = frozenset({Ticket.Kind.BUYER_INFORMATION, Ticket.Kind.PURCHASE_HISTORY})


def until(ticket: Ticket) -> datetime | None:
    """Until when it can be had; None for a case that hands nothing over."""
    if ticket.state != TicketState.ANSWERED or ticket.decided_at is None:
        return None
    is_buyer = ticket.kind == Ticket.Kind.BUYER_INFORMATION
    if ticket.kind not in _KINDS or (is_buyer and not hasattr(ticket, "buyer")):
        return None
    return ticket.decided_at + SHOWN_FOR


def ready(phone_bidx: str, *, now: datetime) -> list[Ticket]:
    """What the owner of a line can have now, newest first."""
    rows = Ticket.objects.filter(
        phone_bidx=phone_bidx,
        kind__in=_KINDS,
        state=TicketState.ANSWERED,
        decided_at__gt=now - SHOWN_FOR,
    )
    found = rows.select_related("payment__merchant", "buyer").order_by("-decided_at", "-pk")
    return [ticket for ticket in found if until(ticket)]
