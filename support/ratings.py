"""What a customer thinks of a case an agent has closed: one tap on its page, a week to change it.

Asked once: whoever has told is not asked again, not even after a second round.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from support.models import Rating, Ticket
from support.states import TicketState

CHANGEABLE = timedelta(days=7)
_CLOSED = frozenset({TicketState.RESOLVED, TicketState.REJECTED, TicketState.ANSWERED})
_STAFF = "staff:"


class NotNow(Exception):
    """The case is open, no agent closed it, or the week to change a rating is over."""


@dataclass(frozen=True)
class Standing:
    """What the page shows: the rating, if there is one, and whether it can be given or changed."""

    rating: Rating | None
    is_open: bool


def standing(ticket: Ticket, *, now: datetime) -> Standing:
    """How the rating of a case stands."""
    rating = Rating.objects.filter(ticket=ticket).first()
    is_over = rating is not None and now >= rating.given_at + CHANGEABLE
    return Standing(rating, _is_ours(ticket) and not is_over)


@transaction.atomic
def rate(*, ticket_id: int, score: str, text: str, now: datetime) -> Rating:
    """Keep what the customer thinks; `score` is one of Rating.Score. Raises NotNow."""
    # Two taps at once: the second waits here, and then changes what the first gave.
    ticket = Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=ticket_id)
    found = standing(ticket, now=now)
    if not found.is_open:
        raise NotNow
    rating = found.rating or Rating(ticket=ticket, agent=ticket.decided_by, given_at=now)
    rating.score, rating.text, rating.changed_at = score, text.strip(), now
    rating.save()
    return rating


def _is_ours(ticket: Ticket) -> bool:
    """Whether an agent decided it and nothing more will happen."""
    return ticket.state in _CLOSED and ticket.decided_by.startswith(_STAFF)
