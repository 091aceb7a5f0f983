"""Destroying personal data when its time is over, rule by rule, with a proof in the database.

정보통신망법 시행령 §66의7 keeps the records of a transaction for a year, and for five when it
exceeds (초과) 10,000 won. After that the payer's side is blanked: number, mail address, texts,
browser, account. What the seller must keep for five years (전자상거래법 시행령 §6) stays: order,
item, amount, times and the ledger, which hold nothing of a person. Rows are blanked, never deleted:
the books balance for ever.

Nothing is destroyed that an open request is about. Who knows of requests hands them in as `held`.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import (
    CharField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Cast, Coalesce, Concat, Greatest

from payments.calendar import SEOUL
from payments.limits import OF_LINE
from payments.models import (
    Consent,
    LimitUse,
    LineRules,
    Message,
    Payment,
    PaymentEvent,
    PhoneVerification,
    Refund,
    RefundEvent,
    RetentionProof,
    RiskCount,
    RiskDecision,
)
from payments.models.append_only import redacting
from payments.states import PAYMENT_FINAL, REFUND_FINAL, RefundState

BATCH = 200
# Begins the key of a counter whose line was forgotten.
FORGOTTEN = "forgotten:"
# Of one rule in one run; the next run goes on.
BATCHES = 50
SMALL_WON = 10_000
_REFUND_ENDED = REFUND_FINAL | {RefundState.FAILED}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rule:
    """One class of data: what is due, since when it counts, and how it is destroyed.

    `due` gives the rows that still hold something, with `since`. `payment` is the path from the row
    to its payment, None where there is none.
    """

    name: str
    cutoff: Callable[[datetime], datetime]
    due: Callable[[], QuerySet[Any]]
    destroy: Callable[[list[int]], object]
    payment: str | None


def purge(*, held: QuerySet[Any], now: datetime, rules: Sequence[Rule] | None = None) -> int:
    """Destroy what is due under every rule; returns how many rows. Run it as often as you like.

    `held` are rows with a `payment_id` whose payment must not be touched.
    """
    return sum(_apply(rule, held=held, now=now) for rule in (RULES if rules is None else rules))


def years_ago(now: datetime, years: int) -> datetime:
    """The start of this Korean day that many years ago: whatever is older has been kept in full."""
    today = now.astimezone(SEOUL).date()
    is_leap_day = (today.month, today.day) == (2, 29)
    day = today.replace(year=today.year - years, day=28 if is_leap_day else today.day)
    return datetime.combine(day, time.min, tzinfo=SEOUL)


def _apply(rule: Rule, *, held: QuerySet[Any], now: datetime) -> int:
    total = after = 0
    try:
        for _ in range(BATCHES):
            count, after = _destroy_batch(rule, held=held, after=after, now=now)
            total += count
            if count < BATCH:
                break
        _prove_the_day(rule, now=now)
    except Exception:
        # The other rules have their own data; this one is tried again in an hour.
        _log.exception("retention rule %s", rule.name)
    return total


@transaction.atomic(durable=True)
def _destroy_batch(
    rule: Rule, *, held: QuerySet[Any], after: int, now: datetime
) -> tuple[int, int]:
    cutoff = rule.cutoff(now)
    rows = rule.due().filter(since__lt=cutoff, pk__gt=after)
    if rule.payment is not None:
        rows = rows.exclude(Exists(held.filter(payment_id=OuterRef(rule.payment))))
    # Somebody who works with a row right now keeps it until the next run.
    locked = rows.select_for_update(skip_locked=True, of=("self",)).order_by("pk")
    batch = list(locked.values_list("pk", "since")[:BATCH])
    if not batch:
        return 0, after
    keys = [key for key, _ in batch]
    with redacting():
        rule.destroy(keys)
    RetentionProof.objects.create(
        rule=rule.name,
        count=len(keys),
        oldest=min(since for _, since in batch),
        cutoff=cutoff,
        at=now,
    )
    return len(keys), keys[-1]


def _prove_the_day(rule: Rule, *, now: datetime) -> None:
    """A day on which nothing was due is proven as well."""
    today = datetime.combine(now.astimezone(SEOUL).date(), time.min, tzinfo=SEOUL)
    if not RetentionProof.objects.filter(rule=rule.name, at__gte=today, at__lte=now).exists():
        RetentionProof.objects.create(
            rule=rule.name, count=0, oldest=None, cutoff=rule.cutoff(now), at=now
        )


def _ended_payments() -> QuerySet[Payment]:
    refunds = Refund.objects.filter(payment=OuterRef("pk"))
    # Money may still be owed: a refund under way, or one that failed and that nothing replaced.
    latest = Subquery(refunds.order_by("-pk").values("state")[:1])
    return (
        Payment.objects.filter(state__in=PAYMENT_FINAL)
        .exclude(Exists(refunds.exclude(state__in=_REFUND_ENDED)))
        .annotate(latest_refund=Coalesce(latest, Value("")))
        .exclude(latest_refund=RefundState.FAILED)
    )


def _with_birthdate() -> QuerySet[Payment]:
    moves = PaymentEvent.objects.filter(payment=OuterRef("pk")).order_by("-pk")
    ended_at = Subquery(moves.values("occurred_at")[:1])
    return (
        Payment.objects.filter(state__in=PAYMENT_FINAL)
        .exclude(birthdate_sealed="")
        .annotate(since=Coalesce(ended_at, F("created_at")))
    )


def _forget_birthdates(keys: list[int]) -> None:
    Payment.objects.filter(pk__in=keys).update(birthdate_sealed="")


def _with_account() -> QuerySet[Refund]:
    moves = RefundEvent.objects.filter(refund=OuterRef("pk")).order_by("-pk")
    ended_at = Subquery(moves.values("occurred_at")[:1])
    return (
        Refund.objects.filter(state__in=_REFUND_ENDED)
        .exclude(account_sealed="", holder_sealed="")
        .annotate(since=Coalesce(F("confirmed_at"), ended_at, F("requested_at")))
    )


def _forget_accounts(keys: list[int]) -> None:
    Refund.objects.filter(pk__in=keys).update(account_sealed="", holder_sealed="")


def _records(amount: Q) -> QuerySet[Payment]:
    return (
        _ended_payments()
        .filter(amount)
        .exclude(phone_sealed="", email_sealed="", birthdate_sealed="")
        .annotate(since=Coalesce(F("paid_at"), F("expires_at")))
    )


def _forget_payers(keys: list[int]) -> None:
    Payment.objects.filter(pk__in=keys).update(
        phone_sealed="",
        phone_bidx="",
        phone_last4="",
        holder_bidx="",
        email_sealed="",
        birthdate_sealed="",
    )
    Refund.objects.filter(payment__in=keys).update(
        bank="", account_sealed="", account_last4="", holder_sealed=""
    )
    Consent.objects.filter(payment__in=keys).exclude(user_agent="").update(user_agent="")
    RiskDecision.objects.filter(payment__in=keys).exclude(whose="").update(whose="")
    blank(Message.objects.filter(payment__in=keys))


def _loose_messages() -> QuerySet[Message]:
    is_over = Q(done_at__isnull=False) | Q(dead_at__isnull=False)
    return (
        Message.objects.filter(is_over, payment__isnull=True)
        .exclude(to_sealed="")
        .annotate(since=F("created_at"))
    )


def _forget_messages(keys: list[int]) -> None:
    blank(Message.objects.filter(pk__in=keys))


def blank(messages: QuerySet[Message]) -> None:
    """Take recipient and words out of texts and mails; that they were sent stays."""
    messages.update(to_sealed="", to_masked="", subject="", text_sealed="", fallback_sealed="")


def _proofs_of_lines() -> QuerySet[PhoneVerification]:
    nothing = Q(phone_sealed="", phone_bidx="", holder_bidx="", address_bidx="")
    return PhoneVerification.objects.exclude(nothing).annotate(since=F("created_at"))


def _forget_lines(keys: list[int]) -> None:
    PhoneVerification.objects.filter(pk__in=keys).update(
        phone_sealed="", phone_bidx="", holder_bidx="", address_bidx=""
    )


def _rules_without_effect() -> QuerySet[LineRules]:
    """What a holder decided and has taken back, since it last held; what holds is never dropped."""
    return (
        LineRules.objects.exclude(phone_bidx=None)
        .exclude(is_blocked=True, opens_at=None)
        .filter(Q(limit_won=None) | Q(next_limit_at__isnull=False), next_limit_won=None)
        .annotate(since=Greatest("changed_at", "opens_at", "next_limit_at"))
    )


def _forget_rules(keys: list[int]) -> None:
    LineRules.objects.filter(pk__in=keys).update(phone_sealed="", phone_bidx=None, holder_bidx="")


def _spent_by_lines() -> QuerySet[LimitUse]:
    month_begins = Cast(Concat("period", Value("-01")), DateTimeField())
    return (
        LimitUse.objects.filter(scope__in=OF_LINE)
        .exclude(key__startswith=FORGOTTEN)
        .annotate(since=month_begins)
    )


def _forget_spenders(keys: list[int]) -> None:
    # The figure stays, because the holds of its payments add up to it; whose it was does not.
    name = Concat(Value(FORGOTTEN), Cast("pk", CharField()))
    LimitUse.objects.filter(pk__in=keys).update(key=name)


def _old_counts() -> QuerySet[RiskCount]:
    return RiskCount.objects.annotate(since=F("ends_at"))


def _drop_counts(keys: list[int]) -> None:
    RiskCount.objects.filter(pk__in=keys).delete()


RULES = (
    # domain §7.3: not on the list of what must be kept, so it goes once it has served.
    Rule(
        "BIRTHDATE",
        lambda now: now - timedelta(hours=24),
        _with_birthdate,
        _forget_birthdates,
        "pk",
    ),
    Rule(
        "ACCOUNT",
        lambda now: now - timedelta(days=30),
        _with_account,
        _forget_accounts,
        "payment_id",
    ),
    Rule(
        "RECORD_SMALL",
        lambda now: years_ago(now, 1),
        lambda: _records(Q(amount_won__lte=SMALL_WON)),
        _forget_payers,
        "pk",
    ),
    Rule(
        "RECORD_LARGE",
        lambda now: years_ago(now, 5),
        lambda: _records(Q(amount_won__gt=SMALL_WON)),
        _forget_payers,
        "pk",
    ),
    Rule("MESSAGE", lambda now: years_ago(now, 1), _loose_messages, _forget_messages, None),
    # Beside the approvals, the law lists applications and changes of conditions (§66의7①): a year.
    Rule("LINE_RULES", lambda now: years_ago(now, 1), _rules_without_effect, _forget_rules, None),
    # Counts for its month only; a year, so that a limit can be explained as long as its payments.
    Rule("LINE_MONTH", lambda now: years_ago(now, 1), _spent_by_lines, _forget_spenders, None),
    # Our own: long enough to look into abuse.
    Rule(
        "VERIFICATION", lambda now: now - timedelta(days=30), _proofs_of_lines, _forget_lines, None
    ),
    # Our own: no window is longer than a month, and what was decided by it stands in the decision.
    Rule("RISK_COUNT", lambda now: now - timedelta(days=30), _old_counts, _drop_counts, None),
)
