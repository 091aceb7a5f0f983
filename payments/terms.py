"""New limits and fees: from a moment on, with a source. What was in force stays as it was."""

from datetime import datetime

from django.db import IntegrityError, transaction

from payments import decisions
from payments.limits import Scope
from payments.models import FeeTerm, LimitTerm, Merchant

# What a payment can be at all (models.payments.Payment).
MOST_WON = 1_000_000
MOST_BPS = 5_000


class UnfitTerm(Exception):
    """The term was not written.

    `code` is IN_THE_PAST, SOURCE_MISSING, THERE_ALREADY, TOO_MUCH, NEGATIVE, GOODS when they are
    named for another limit than theirs or not named for it, or CROSSED when the least amount of a
    payment would be above the most; `won` is the other end then.
    """

    def __init__(self, code: str, won: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.won = won


@transaction.atomic
def add_limit(
    *,
    scope: Scope,
    merchant: Merchant | None,
    amount_won: int,
    valid_from: datetime | None,
    source: str,
    by: str,
    now: datetime,
    goods: str = "",
) -> LimitTerm:
    """Allow so much from a moment on (None: from now), for one merchant or for all.

    `goods` is what a limit of one kind of goods is about (`limits.Goods`). Raises UnfitTerm.
    """
    since = _fit(valid_from, source, now=now)
    if (scope == Scope.LINE_GOODS) != bool(goods):
        raise UnfitTerm("GOODS")
    if amount_won < 0:
        raise UnfitTerm("NEGATIVE")
    if scope in (Scope.PAYMENT_MIN, Scope.PAYMENT_MAX):
        _check_range(scope, merchant, amount_won, at=since)
    term = LimitTerm(
        scope=scope,
        goods=goods,
        merchant=merchant,
        amount_won=amount_won,
        valid_from=since,
        source=source,
    )
    _write(term)
    decisions.record("limit.add", subject=f"limitterm:{term.pk}", reason=source, by=by, at=now)
    return term


@transaction.atomic
def add_fee(
    *,
    merchant: Merchant,
    category: str,
    fee_bps: int,
    valid_from: datetime | None,
    source: str,
    by: str,
    now: datetime,
) -> FeeTerm:
    """Charge a merchant so much, in 1/100 %, from a moment on (None: from now).

    Raises UnfitTerm.
    """
    since = _fit(valid_from, source, now=now)
    if not 0 <= fee_bps <= MOST_BPS:
        raise UnfitTerm("TOO_MUCH" if fee_bps > 0 else "NEGATIVE")
    term = FeeTerm(
        merchant=merchant, category=category, fee_bps=fee_bps, valid_from=since, source=source
    )
    _write(term)
    decisions.record("fee.add", subject=f"feeterm:{term.pk}", reason=source, by=by, at=now)
    return term


def _fit(valid_from: datetime | None, source: str, *, now: datetime) -> datetime:
    if valid_from is not None and valid_from < now:
        raise UnfitTerm("IN_THE_PAST")
    if not source.strip():
        raise UnfitTerm("SOURCE_MISSING")
    return valid_from or now


def _check_range(scope: Scope, merchant: Merchant | None, amount_won: int, *, at: datetime) -> None:
    if amount_won > MOST_WON:
        raise UnfitTerm("TOO_MUCH", MOST_WON)
    other = Scope.PAYMENT_MAX if scope == Scope.PAYMENT_MIN else Scope.PAYMENT_MIN
    rows = LimitTerm.objects.filter(scope=other, merchant=merchant, valid_from__lte=at)
    there = rows.order_by("-valid_from").values_list("amount_won", flat=True).first()
    if there is None:
        return
    is_crossed = amount_won > there if scope == Scope.PAYMENT_MIN else amount_won < there
    if is_crossed:
        raise UnfitTerm("CROSSED", there)


def _write(term: LimitTerm | FeeTerm) -> None:
    try:
        with transaction.atomic():
            term.save(force_insert=True)
    except IntegrityError as error:
        raise UnfitTerm("THERE_ALREADY") from error
