"""What a person decides about money: with a reason, on the trail, and above a limit by two people.

Every use case that a person sets in motion ends with `record`. Who keeps the trail connects to
`decided`; it is written in the same transaction, so that neither is there without the other.
"""

from datetime import datetime

from django.conf import settings
from django.dispatch import Signal

from payments.limits import Scope
from payments.models import LimitTerm, Merchant, Proposal

decided = Signal()
_REASON_LENGTH = 500


class ReasonMissing(Exception):
    """A decision came without its reason."""


class SecondPersonNeeded(Exception):
    """The amount is above what one person decides alone; carries that limit in won."""

    def __init__(self, limit_won: int) -> None:
        super().__init__(limit_won)
        self.limit_won = limit_won


class SamePerson(Exception):
    """Whoever proposed this cannot also agree to it."""


def required(reason: str) -> str:
    """The reason, trimmed. Raises ReasonMissing when there is none."""
    reason = reason.strip()[:_REASON_LENGTH]
    if not reason:
        raise ReasonMissing
    return reason


def record(what: str, *, subject: str, reason: str, by: str, at: datetime) -> None:
    """Put a decision on the trail: `review.adopt` of `payment:12`.

    The last thing in the transaction: the trail is one chain, and its writers wait for each other.
    """
    decided.send(sender=None, what=what, subject=subject, reason=reason, by=by, at=at)


def alone_won(merchant: Merchant, at: datetime) -> int:
    """Up to how many won one person decides alone at this moment."""
    scope = Scope.DECIDED_ALONE
    usual = {scope: settings.DECIDED_ALONE_MAX_WON}
    return LimitTerm.in_force(usual, merchant=merchant, at=at)[scope]


def check_two(
    *, amount_won: int, merchant: Merchant, requested_by: str, by: str, now: datetime
) -> None:
    """Raise SecondPersonNeeded above the limit, unless two people stand behind the decision."""
    limit_won = alone_won(merchant, now)
    if amount_won > limit_won and requested_by == by:
        raise SecondPersonNeeded(limit_won)


def agreed(
    what: str,
    *,
    subject: str,
    amount_won: int,
    merchant: Merchant,
    reason: str,
    by: str,
    now: datetime,
    already_won: int = 0,
) -> str | None:
    """Who asked for this decision; None when it now waits for a second person to agree.

    Up to the limit that is `by`, and nothing is written. Above it the first call writes down who
    asks, the second one, by somebody else and for the same amount, returns their name.
    `already_won` was decided by one person before, out of the same payment: cut into parts, a sum
    is above the limit all the same. Raises SamePerson. The caller holds the lock on what is decided
    about.
    """
    if already_won + amount_won <= alone_won(merchant, now):
        return by
    first = pending(what, subject=subject)
    if first is not None and first.amount_won == amount_won:
        if first.proposed_by == by:
            raise SamePerson
        first.agreed_by, first.agreed_at = by, now
        first.save(update_fields=["agreed_by", "agreed_at"])
        return first.proposed_by
    drop(what, subject=subject)
    Proposal.objects.create(
        what=what,
        subject=subject,
        amount_won=amount_won,
        reason=reason,
        proposed_by=by,
        proposed_at=now,
    )
    record(f"{what}.proposed", subject=subject, reason=reason, by=by, at=now)
    return None


def pending(what: str, *, subject: str) -> Proposal | None:
    """The proposal that waits for a second person."""
    return Proposal.objects.filter(what=what, subject=subject, agreed_at__isnull=True).first()


def drop(what: str, *, subject: str) -> None:
    """What was proposed came to nothing: it was decided otherwise, or the amount changed."""
    Proposal.objects.filter(what=what, subject=subject, agreed_at__isnull=True).delete()
