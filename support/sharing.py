"""Handing free cases out: to who is on duty and has room, the nearest deadline first.

Everybody has their number of open cases; the next case goes to who has the fewest. What waits for a
customer or a seller takes up nobody's room.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, Q

from support import queue, tickets
from support.models import Duty, Ticket
from support.queue import View
from support.states import TICKET_UNDECIDED, TICKET_WAITING

_WORK = TICKET_UNDECIDED - TICKET_WAITING


@dataclass(frozen=True)
class Agent:
    """Somebody who may work on cases: their duty, and how many open ones they have."""

    user: Any
    is_on_duty: bool
    capacity: int
    has: int


@dataclass(frozen=True)
class Shared:
    """How many cases each got, by user id, and how many found nobody with room."""

    given: dict[int, int]
    left: int


def agents() -> list[Agent]:
    """Everybody who may decide cases, by name; who was never put on duty is not."""
    people = _people().annotate(has=Count("tickets", filter=Q(tickets__state__in=_WORK)))
    rows = people.select_related("duty").order_by("name", "email")
    return [
        Agent(
            person,
            is_on_duty=hasattr(person, "duty") and person.duty.is_on_duty,
            capacity=person.duty.capacity if hasattr(person, "duty") else Duty.USUAL,
            has=person.has,
        )
        for person in rows
    ]


@transaction.atomic
def set_duties(plan: Mapping[int, tuple[bool, int]]) -> None:
    """Who is on duty with which capacity, by user id; strangers to the desk are passed over."""
    known = set(_people().values_list("pk", flat=True))
    rows = [
        Duty(user_id=pk, is_on_duty=is_on_duty, capacity=capacity)
        for pk, (is_on_duty, capacity) in sorted(plan.items())
        if pk in known
    ]
    Duty.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=["is_on_duty", "capacity"],
    )


@transaction.atomic
def share(*, by: str, now: datetime) -> Shared:
    """Hand out what is free until nobody has room; each case's history has it as `by`'s doing."""
    # Two leads press at once: the second counts what the first has handed out.
    list(Duty.objects.select_for_update().order_by("user_id"))
    loads = [(agent.has, agent.user.pk, agent.capacity) for agent in agents() if agent.is_on_duty]
    heap = [load for load in loads if load[0] < load[2]]
    heapq.heapify(heap)
    room = sum(capacity - has for has, _pk, capacity in heap)
    free = queue.cases(View.UNASSIGNED, user_id=0, now=now)
    given: dict[int, int] = {}
    # A case that somebody takes at this moment is passed by: nobody waits for anybody.
    for ticket in free.select_for_update(skip_locked=True, of=("self",), no_key=True)[:room]:
        has, pk, capacity = heapq.heappop(heap)
        tickets.assign(ticket_id=ticket.pk, user_id=pk, by=by, now=now)
        given[pk] = given.get(pk, 0) + 1
        if has + 1 < capacity:
            heapq.heappush(heap, (has + 1, pk, capacity))
    left: int = Ticket.objects.filter(state__in=_WORK, assignee=None).count()
    return Shared(given, left)


def _people() -> Any:
    """Accounts that may decide cases; superusers only when their role says so too."""
    codename, app = "change_ticket", "support"
    of_user = Q(user_permissions__codename=codename, user_permissions__content_type__app_label=app)
    of_group = Q(
        groups__permissions__codename=codename, groups__permissions__content_type__app_label=app
    )
    able = get_user_model().objects.filter(of_user | of_group)
    # By key: the ways to a permission are many rows, and would be counted as such.
    return get_user_model().objects.filter(pk__in=able.values("pk"), is_staff=True, is_active=True)
