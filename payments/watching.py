"""What needs a person gets one alert each, with an owner, until it is put right.

One table says what that is. A look finds the rows and raises what is missing; rows that went on by
themselves close their alert. So nothing that writes such a row has to remember to call somebody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Q

from payments import decisions
from payments.models import Alert, Payment, Payout, Refund
from payments.states import PaymentState, PayoutState, RefundState

WATCHER = "worker"


class AlreadyClosed(Exception):
    """Somebody has seen to it; nothing was changed."""


class StillOpen(Exception):
    """The case itself waits for a decision: that closes the alert, words alone do not."""


@dataclass(frozen=True)
class Watch:
    """Rows of one table in these states call a person, from `since` on and after `patience`."""

    kind: Alert.Kind
    name: str
    rows: type[Payment] | type[Refund] | type[Payout]
    states: Sequence[str]
    # The move that counts: the last one into this state, or with `is_first` the first one.
    came_to: str
    is_first: bool = False

    @property
    def patience(self) -> timedelta:
        """How long the row may stand so before anybody is called."""
        return timedelta(seconds=settings.UNKNOWN_ALERT_SECONDS if self.is_first else 0)


_KINDS = Alert.Kind
WATCHES = (
    Watch(_KINDS.REVIEW, "payment", Payment, [PaymentState.REVIEW], PaymentState.REVIEW),
    Watch(_KINDS.REFUND_FAILED, "refund", Refund, [RefundState.FAILED], RefundState.FAILED),
    Watch(_KINDS.PAYOUT_FAILED, "payout", Payout, [PayoutState.FAILED], PayoutState.FAILED),
    # Asking again moves them to and fro: since when nobody knows is when that began.
    Watch(
        _KINDS.REFUND_UNKNOWN,
        "refund",
        Refund,
        [RefundState.UNKNOWN, RefundState.SENDING, RefundState.SCHEDULED],
        RefundState.UNKNOWN,
        is_first=True,
    ),
    Watch(
        _KINDS.PAYOUT_UNKNOWN,
        "payout",
        Payout,
        [PayoutState.UNKNOWN, PayoutState.SENDING],
        PayoutState.UNKNOWN,
        is_first=True,
    ),
)


def look(*, now: datetime) -> int:
    """Raise and close the alerts of every watch; returns how many were raised."""
    return sum(_look(watch, now=now) for watch in WATCHES)


def _look(watch: Watch, *, now: datetime) -> int:
    came = Q(events__to_state=watch.came_to)
    since = (Min if watch.is_first else Max)("events__occurred_at", filter=came)
    rows = (
        watch.rows.objects.filter(state__in=watch.states)
        .annotate(since=since)
        .filter(since__isnull=False)
    )
    found = {f"{watch.name}:{row.pk}": row for row in rows}
    _close(watch, but=list(found), now=now)
    known = dict(
        Alert.objects.filter(kind=watch.kind, ref__in=list(found))
        .values_list("ref")
        .annotate(raised=Max("raised_at"))
    )
    raised = 0
    for ref, row in found.items():
        is_new = ref not in known or known[ref] < row.since
        if is_new and now >= row.since + watch.patience:
            Alert.note(watch.kind, ref=ref, detail=_detail(row), at=now)
            raised += 1
    return raised


def _close(watch: Watch, *, but: list[str], now: datetime) -> None:
    """Those whose row is no longer in the way."""
    Alert.objects.filter(kind=watch.kind, closed_at__isnull=True).exclude(ref__in=but).update(
        closed_at=now, closed_by=WATCHER, resolution=Alert.SETTLED
    )


def _detail(row: Payment | Refund | Payout) -> str:
    """Which one, as people name it."""
    if isinstance(row, Payout):
        return row.merchant.slug
    return row.payment.reference if isinstance(row, Refund) else row.reference


@transaction.atomic
def take(alert_id: int, *, by: str) -> Alert:
    """Become the owner, whoever it was. Raises AlreadyClosed."""
    return _give(alert_id, by)


@transaction.atomic
def give(alert_id: int, *, to: str, by: str, now: datetime) -> Alert:
    """Make somebody else the owner. Raises AlreadyClosed."""
    alert = _give(alert_id, to)
    decisions.record("alert.give", subject=f"alert:{alert_id}", reason=to, by=by, at=now)
    return alert


@transaction.atomic
def close(alert_id: int, *, resolution: str, by: str, now: datetime) -> Alert:
    """Write down how it was settled.

    Raises decisions.ReasonMissing, AlreadyClosed, and StillOpen for a payment in REVIEW.
    """
    resolution = decisions.required(resolution)
    alert = _open(alert_id)
    if alert.kind == Alert.Kind.REVIEW:
        raise StillOpen
    alert.closed_at, alert.closed_by, alert.resolution = now, by, resolution[:200]
    alert.owner = alert.owner or by
    alert.save(update_fields=["closed_at", "closed_by", "resolution", "owner"])
    decisions.record("alert.close", subject=f"alert:{alert_id}", reason=resolution, by=by, at=now)
    return alert


def _give(alert_id: int, owner: str) -> Alert:
    alert = _open(alert_id)
    alert.owner = owner
    alert.save(update_fields=["owner"])
    return alert


def _open(alert_id: int) -> Alert:
    # Races with whoever closes it by putting the row right.
    alert = Alert.objects.select_for_update(no_key=True).get(pk=alert_id)
    if alert.closed_at is not None:
        raise AlreadyClosed
    return alert
