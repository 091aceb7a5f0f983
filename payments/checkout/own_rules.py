"""The holder's own block and monthly limit, looked at whenever money could begin to move.

Asked twice: before the operator reserves, and again in the commit that lets it charge, so that a
block set while the code was being typed still holds.
"""

from datetime import datetime

from payments import calendar
from payments.carriers.base import Declined
from payments.models import LineRules, Payment
from payments.models.lines import month_used_won
from payments.states import PaymentState

# Who ended the payment, in its history: what tells an own limit from the operator's.
OWNER = "owner"
_CHARGING = (PaymentState.CONFIRMING, PaymentState.UNKNOWN, PaymentState.REVIEW)


class RefusedByOwner(Declined):
    """The holder of the line decided against it: BLOCKED_BY_OWNER or LIMIT_MONTHLY."""


def check(payment: Payment, *, now: datetime) -> None:
    """Raise RefusedByOwner when the line's own rules forbid this payment."""
    rules = LineRules.objects.filter(phone_bidx=payment.phone_bidx).first()
    if rules is not None:
        _check(rules, payment, now=now)


def check_locked(payment: Payment, *, now: datetime) -> None:
    """The same under the row's lock, so that two charges at once cannot both fit under a limit.

    Inside the transaction that makes the payment CONFIRMING; `payment` was read by `rows.locked`,
    which saw whether its line has rules at all. Almost no line has.
    """
    if not payment.has_line_rules:  # type: ignore[attr-defined]
        return
    locked_rules = LineRules.objects.select_for_update(no_key=True)
    rules = locked_rules.filter(phone_bidx=payment.phone_bidx).first()
    if rules is not None:
        _check(rules, payment, now=now)


def _check(rules: LineRules, payment: Payment, *, now: datetime) -> None:
    if rules.is_blocked_at(now):
        raise RefusedByOwner("BLOCKED_BY_OWNER", "own block")
    limit_won = rules.limit_at(now)
    if limit_won is None:
        return
    others = Payment.objects.filter(phone_bidx=payment.phone_bidx).exclude(pk=payment.pk)
    taken_won = month_used_won(others, month=calendar.billing_month(now), also=_CHARGING)
    if taken_won + payment.amount_won > limit_won:
        raise RefusedByOwner("LIMIT_MONTHLY", "own limit")
