"""Who else has a case open, and who is writing in it.

A row with a lease: the open page renews it, nobody has to take it away. A page that was closed, or
that nobody looks at, stops asking, and its row runs out. Nothing is locked by it: what keeps two
people from deciding at once is `seen` in `support.tickets`.
"""

from datetime import datetime, timedelta

from django.db.models import Q

from support.models import Presence

# Longer than two questions of an open page, so that one lost answer is no absence.
LEASE = timedelta(seconds=30)


def arrive(*, ticket_id: int, user_id: int, now: datetime) -> None:
    """Somebody opens a case, and is not writing yet. What is over of theirs goes."""
    is_old = Q(seen_until__lte=now) | Q(ticket_id=ticket_id)
    Presence.objects.filter(is_old, user_id=user_id).delete()
    stay(ticket_id=ticket_id, user_id=user_id, is_writing=False, now=now)


def stay(*, ticket_id: int, user_id: int, is_writing: bool, now: datetime) -> None:
    """They still have it open, or are writing in it. One statement."""
    until = now + LEASE
    row = Presence(ticket_id=ticket_id, user_id=user_id, seen_until=until)
    renewed = ["seen_until"]
    if is_writing:
        row.writing_until = until
        renewed.append("writing_until")
    Presence.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["ticket", "user"], update_fields=renewed
    )


def others(*, ticket_id: int, but: int, now: datetime) -> list[tuple[Presence, bool]]:
    """Everybody else who has it open, in a fixed order, with whether they are writing."""
    rows = Presence.objects.filter(ticket_id=ticket_id, seen_until__gt=now).exclude(user_id=but)
    return [
        (row, row.writing_until is not None and row.writing_until > now)
        for row in rows.select_related("user").order_by("user_id")
    ]
