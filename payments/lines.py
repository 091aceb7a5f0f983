"""What the holder of a line decides about it, and what they are shown of it.

Whoever proved to hold the phone may tighten: that is urgent and harmless. Loosening takes the
birthdate too, that is, whoever decided before, or whom an operator matched in a payment; and it
takes a cooling-off (COOLING_OFF_SECONDS), during which it can be taken back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from payments import calendar, outbox
from payments.models import LineChange, LineRules, Payment
from payments.models.lines import month_used_won
from payments.states import PaymentState

CHANGED = "line.changed"
_KIND = LineChange.Kind


class NotYours(Exception):
    """Somebody with another birthdate decided about this line; only they may loosen it."""


class NothingToChange(Exception):
    """The line is already as it was asked to be, or nothing waits to be taken back."""


class OutsideRange(Exception):
    """No limit of one's own: below one payment or above what a line may spend anyway."""


@dataclass(frozen=True)
class Holder:
    """Who asks: the proven number, and the keyed hashes of number and of number with birthdate."""

    phone: str
    phone_bidx: str
    holder_bidx: str


@dataclass(frozen=True)
class OwnRules:
    """How the line stands for its holder. Won; None is no limit, or nothing that waits."""

    is_blocked: bool
    blocked_at: datetime | None
    opens_at: datetime | None
    limit_won: int | None
    has_next_limit: bool
    next_limit_won: int | None
    next_limit_at: datetime | None
    used_won: int


_NO_RULES = LineRules(is_blocked=False)


def rules_of(holder: Holder, *, now: datetime) -> OwnRules:
    """The rules as this holder may see them; somebody else's look like none."""
    rules = LineRules.objects.filter(phone_bidx=holder.phone_bidx).first()
    if rules is None or not _is_theirs(rules, holder):
        rules = _NO_RULES
    is_blocked = rules.is_blocked_at(now)
    waits = rules.next_limit_at is not None and now < rules.next_limit_at
    return OwnRules(
        is_blocked=is_blocked,
        blocked_at=rules.blocked_at if is_blocked else None,
        opens_at=rules.opens_at if is_blocked else None,
        limit_won=rules.limit_at(now),
        has_next_limit=waits,
        next_limit_won=rules.next_limit_won if waits else None,
        next_limit_at=rules.next_limit_at if waits else None,
        used_won=month_used_won(
            Payment.objects.filter(holder_bidx=holder.holder_bidx),
            month=calendar.billing_month(now),
        ),
    )


@transaction.atomic
def block(holder: Holder, *, is_not_me: bool = False, language: str, now: datetime) -> LineChange:
    """No more payments of this line, from this commit on; an end that was asked for is dropped.

    Raises NothingToChange when the line is blocked and stays so.
    """
    rules = _locked(holder, now=now)
    if rules.is_blocked and rules.opens_at is None:
        raise NothingToChange
    rules.blocked_at = now if not rules.is_blocked else rules.blocked_at
    rules.is_blocked, rules.opens_at = True, None
    kind = _KIND.BLOCKED_NOT_ME if is_not_me else _KIND.BLOCKED
    return _write(rules, kind, at=now, effective_at=now, language=language)


@transaction.atomic
def ask_to_unblock(holder: Holder, *, language: str, now: datetime) -> LineChange:
    """Let the block end after the cooling-off. Asking again does not start it anew.

    Raises NotYours, and NothingToChange when there is no block or its end is set.
    """
    rules = _locked(holder, now=now, loosens=True)
    if not rules.is_blocked or rules.opens_at is not None:
        raise NothingToChange
    rules.opens_at = now + cooling_off()
    return _write(
        rules, _KIND.UNBLOCK_ASKED, at=now, effective_at=rules.opens_at, language=language
    )


@transaction.atomic
def keep_blocked(holder: Holder, *, language: str, now: datetime) -> LineChange:
    """Take the wish to unblock back. Raises NothingToChange when none waits."""
    rules = _locked(holder, now=now)
    if rules.opens_at is None:
        raise NothingToChange
    rules.opens_at = None
    return _write(rules, _KIND.UNBLOCK_WITHDRAWN, at=now, effective_at=now, language=language)


@transaction.atomic
def set_limit(holder: Holder, *, limit_won: int | None, language: str, now: datetime) -> LineChange:
    """A monthly limit of one's own, in won; None for none. Lower at once, higher after cooling off.

    Raises OutsideRange, NotYours when it would loosen somebody else's, NothingToChange when it is
    the limit already.
    """
    if limit_won is not None and not (
        settings.PAYMENT_MIN_WON <= limit_won <= settings.LINE_MONTH_MAX_WON
    ):
        raise OutsideRange
    rules = _locked(holder, now=now)
    if limit_won == rules.limit_won:
        if rules.next_limit_at is None:
            raise NothingToChange
        return _keep_limit(rules, language=language, now=now)
    if _is_lower(limit_won, rules.limit_won):
        rules.limit_won = limit_won
        rules.next_limit_won = rules.next_limit_at = None
        return _write(
            rules,
            _KIND.LIMIT_LOWERED,
            at=now,
            effective_at=now,
            limit_won=limit_won,
            language=language,
        )
    if not _is_theirs(rules, holder):
        raise NotYours
    if rules.next_limit_at is not None and rules.next_limit_won == limit_won:
        raise NothingToChange
    rules.next_limit_won, rules.next_limit_at = limit_won, now + cooling_off()
    return _write(
        rules,
        _KIND.LIMIT_RAISE_ASKED,
        at=now,
        effective_at=rules.next_limit_at,
        limit_won=limit_won,
        language=language,
    )


@transaction.atomic
def keep_limit(holder: Holder, *, language: str, now: datetime) -> LineChange:
    """Take the wish for a higher limit back. Raises NothingToChange when none waits."""
    rules = _locked(holder, now=now)
    if rules.next_limit_at is None:
        raise NothingToChange
    return _keep_limit(rules, language=language, now=now)


def cooling_off() -> timedelta:
    """How long loosening waits."""
    return timedelta(seconds=settings.COOLING_OFF_SECONDS)


def _keep_limit(rules: LineRules, *, language: str, now: datetime) -> LineChange:
    rules.next_limit_won = rules.next_limit_at = None
    return _write(
        rules,
        _KIND.LIMIT_RAISE_WITHDRAWN,
        at=now,
        effective_at=now,
        limit_won=rules.limit_won,
        language=language,
    )


def _locked(holder: Holder, *, now: datetime, loosens: bool = False) -> LineRules:
    """The line's row, made if need be, locked against its other tabs and its payments."""
    fresh = LineRules(
        phone_bidx=holder.phone_bidx,
        phone_sealed=LineRules.sealed(holder.phone),
        holder_bidx=holder.holder_bidx,
        changed_at=now,
    )
    # Races with another tab's first decision: the database keeps one row a line.
    LineRules.objects.bulk_create([fresh], ignore_conflicts=True)
    rules = LineRules.objects.select_for_update(no_key=True).get(phone_bidx=holder.phone_bidx)
    if loosens and not _is_theirs(rules, holder):
        raise NotYours
    rules.settle(now)
    return rules


def _is_theirs(rules: LineRules, holder: Holder) -> bool:
    return (
        rules.holder_bidx == holder.holder_bidx
        or Payment.objects.filter(holder_bidx=holder.holder_bidx, state=PaymentState.PAID).exists()
    )


def _is_lower(wanted: int | None, current: int | None) -> bool:
    return wanted is not None and (current is None or wanted < current)


def _write(
    rules: LineRules,
    kind: LineChange.Kind,
    *,
    at: datetime,
    effective_at: datetime,
    language: str,
    limit_won: int | None = None,
) -> LineChange:
    rules.changed_at = at
    rules.save()
    change = LineChange.objects.create(
        rules=rules,
        kind=kind,
        limit_won=limit_won,
        effective_at=effective_at,
        decided_at=at,
        language=language,
    )
    outbox.record(CHANGED, subject_id=change.pk, at=at)
    return change
