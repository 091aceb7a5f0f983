"""The desk's own days: opening hours from the settings, exceptions from the table."""

from datetime import datetime, time

from django.conf import settings
from django.db import transaction

from payments.calendar import SEOUL
from support import clocks
from support.models import DayException, Ticket
from support.states import TICKET_UNDECIDED, TicketState

_COUNTED = [kind for kind, limit in clocks.LIMITS.items() if limit.is_business]


def hours() -> clocks.Hours:
    """When the desk works, as of now; one statement."""
    opens, closes = settings.DESK_BUSINESS_HOURS
    rows = DayException.objects.values_list("day", "is_open")
    return clocks.Hours(opens, closes, dict(rows))


@transaction.atomic
def recount(exception: DayException, *, by: str, now: datetime) -> int:
    """Move the deadlines a changed day lies under; returns how many moved.

    Call it after the day was written or taken away. What a stopped clock has left stays.
    """
    day_start = datetime.combine(exception.day, time.min, tzinfo=SEOUL)
    rows = Ticket.objects.select_for_update(of=("self",), no_key=True).filter(
        state__in=TICKET_UNDECIDED - {TicketState.WAITING_CUSTOMER},
        kind__in=_COUNTED,
        due_at__gte=day_start,
    )
    current, moved = hours(), 0
    for ticket in rows.order_by("pk"):
        due_at = ticket.due_by(current)
        if due_at == ticket.due_at:
            continue
        ticket.due_at = due_at
        ticket.save(update_fields=["due_at"])
        ticket.log("ticket.due_moved", at=now, by=by, reason=exception.name)
        moved += 1
    return moved
