"""What waits for the desk, for its front page and above the queue: today first."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from payments.calendar import SEOUL
from support import desk, queue
from support.models import Ticket
from support.queue import View
from support.states import TICKET_OPEN, TICKET_UNDECIDED


@dataclass(frozen=True)
class Today:
    """How many undecided cases run out today or are overdue, up to `queue.COUNT_UP_TO`.

    A carrier's cut-off that has passed hurries nobody any more.

    `cutoffs` of them can be cancelled at the carrier until `cutoff_at` at the earliest, and
    afterwards no more; None when there are none.
    """

    due: int
    cutoffs: int
    cutoff_at: datetime | None


def of(now: datetime) -> Today:
    """The rest of the Korean day that `now` lies in; one statement, of so many rows at most."""
    tomorrow = now.astimezone(SEOUL).date() + timedelta(days=1)
    day_end = datetime.combine(tomorrow, time.min, tzinfo=SEOUL)
    # Said twice so that the planner may use the index over open cases.
    rows = Ticket.objects.filter(state__in=TICKET_OPEN, deadline_at__lt=day_end).filter(
        Q(is_priority=True)
        | Q(due_at__lt=day_end)
        | Q(cancel_cutoff_at__gt=now, cancel_cutoff_at__lt=day_end),
        state__in=TICKET_UNDECIDED,
    )
    ends = rows.order_by("deadline_at", "pk").values_list("cancel_cutoff_at", flat=True)
    found = list(ends[: queue.COUNT_UP_TO])
    ahead = [at for at in found if at is not None and now < at < day_end]
    return Today(len(found), len(ahead), min(ahead, default=None))


def front(*, user_id: int, now: datetime) -> dict[str, Any]:
    """What the front page of the desk says: how many wait, which comes first, what ends today."""
    waiting = queue.cases(View.TODO, user_id=user_id, now=now)
    first = queue.next_case(user_id=user_id, now=now, but=0)
    return {
        "waiting": headline(waiting.order_by()[: queue.COUNT_UP_TO].count()),
        "today": of(now),
        "first": first,
        "clock": desk.clock(first, now) if first else None,
    }


def headline(waiting: int) -> str:
    """How many cases wait for a decision, in a sentence."""
    if not waiting:
        return _("결정을 기다리는 요청이 없어요")
    if waiting >= queue.COUNT_UP_TO:
        return _("결정을 기다리는 요청이 {count}건 넘게 있어요").format(count=waiting - 1)
    return _("결정을 기다리는 요청이 {count}건 있어요").format(count=waiting)
