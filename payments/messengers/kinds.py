"""What we tell people, and what each may cost: the table of kinds with their declared semantics.

A provider takes each message at most once per idempotency key; where it has no such key, an answer
that was lost leaves two wrongs to choose from, and the kind chooses: a receipt twice is better than
none (정보통신망법 §58①), a code twice is worse than none, because only the newest one is right.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Delivery(StrEnum):
    """What to do when nobody knows whether the provider took it."""

    AT_LEAST_ONCE = "AT_LEAST_ONCE"
    AT_MOST_ONCE = "AT_MOST_ONCE"


class Owner(StrEnum):
    """Who deals with one that could not be delivered."""

    DESK = "DESK"
    NOBODY = "NOBODY"
    """It is worthless by then; whoever wanted it asks for a new one."""


@dataclass(frozen=True)
class Kind:
    """Semantics of one kind. `may_link`: only to our own signed addresses (domain §13)."""

    delivery: Delivery = Delivery.AT_LEAST_ONCE
    owner: Owner = Owner.DESK
    lifetime: timedelta = timedelta(hours=24)
    may_link: bool = False
    is_secret: bool = False
    """Its words are never shown and are forgotten as soon as they are sent."""
    is_by_hand: bool = False
    """An agent wrote it; every other mail says that nobody did (RFC 3834 §5)."""


KINDS = {
    "paid": Kind(),
    "reversed": Kind(),
    "refunded": Kind(),
    "billing": Kind(),
    "line_changed": Kind(),
    "account_changed": Kind(),
    "ticket_received": Kind(may_link=True),
    "ticket_approved": Kind(),
    "ticket_rejected": Kind(),
    "ticket_resolved": Kind(),
    "ticket_answered": Kind(may_link=True),
    "ticket_account_needed": Kind(may_link=True),
    "ticket_question": Kind(may_link=True, is_by_hand=True),
    "ticket_reply": Kind(may_link=True, is_by_hand=True),
    "ticket_reopened": Kind(may_link=True),
    "ticket_referred": Kind(),
    "ticket_duplicate": Kind(),
    "verification": Kind(
        delivery=Delivery.AT_MOST_ONCE,
        owner=Owner.NOBODY,
        lifetime=timedelta(minutes=3),
        is_secret=True,
    ),
}


def of(kind: str) -> Kind:
    """The semantics of a kind; the ordinary ones for a kind the table does not name."""
    return KINDS.get(kind, Kind())
