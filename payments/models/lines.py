"""What the holder of a line decided about it: no more payments, or no more than so much a month.

Tightening is in force at once; loosening waits out a cooling-off, so that whoever holds the phone
for a minute cannot undo it unseen. What waits is a time on the row, compared when somebody asks:
nothing has to run for it to come true.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from payments import encryption
from payments.calendar import Route
from payments.models.append_only import append_only
from payments.models.payments import Payment
from payments.models.refunds import Refund
from payments.states import PaymentState, RefundState

_PLACE_PHONE = "line.phone"


class LineRules(models.Model):
    """One row a line, found by the keyed hash of its number; its lock orders every change."""

    # None once it is forgotten, which many rows may be.
    phone_bidx = models.CharField(max_length=64, unique=True, null=True, blank=True)
    phone_sealed = models.TextField(blank=True)
    # Who decided: the keyed hash of number and birthdate. Loosening is theirs (payments.lines).
    holder_bidx = models.CharField(max_length=64, blank=True)
    is_blocked = models.BooleanField(default=False)
    blocked_at = models.DateTimeField(null=True, blank=True)
    # When the block ends; None while nobody asked for its end.
    opens_at = models.DateTimeField(null=True, blank=True)
    # Won a Korean month; None for no limit of their own.
    limit_won = models.PositiveIntegerField(null=True, blank=True)
    # From `next_limit_at` on `next_limit_won` is the limit (None then: no limit any more).
    next_limit_won = models.PositiveIntegerField(null=True, blank=True)
    next_limit_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()

    SEALED = {"phone_sealed": _PLACE_PHONE}

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="line_rules_block_has_time",
                condition=Q(is_blocked=False, opens_at__isnull=True)
                | Q(is_blocked=True, blocked_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"rules of line {self.pk}"

    @classmethod
    def beside_payment(cls) -> Exists:
        """Whether a payment's line has rules, for the statement that reads the payment."""
        return Exists(cls.objects.filter(phone_bidx=OuterRef("phone_bidx")))

    def is_blocked_at(self, now: datetime) -> bool:
        """Whether the line may not pay."""
        return self.is_blocked and (self.opens_at is None or now < self.opens_at)

    def limit_at(self, now: datetime) -> int | None:
        """Won the holder lets the line spend in a Korean month; None for no limit of their own."""
        is_due = self.next_limit_at is not None and now >= self.next_limit_at
        return self.next_limit_won if is_due else self.limit_won

    def settle(self, now: datetime) -> None:
        """Take over what has come true by now; the caller holds the lock and saves."""
        if self.is_blocked and not self.is_blocked_at(now):
            self.is_blocked, self.blocked_at, self.opens_at = False, None, None
        if self.next_limit_at is not None and now >= self.next_limit_at:
            self.limit_won = self.next_limit_won
            self.next_limit_won = self.next_limit_at = None

    @property
    def phone(self) -> str:
        """The canonical number."""
        return encryption.unseal(self.phone_sealed, place=_PLACE_PHONE)

    @staticmethod
    def sealed(phone: str) -> str:
        """The number as this table keeps it."""
        return encryption.seal(phone, place=_PLACE_PHONE)


def month_used_won(
    payments: QuerySet[Payment], *, month: str, also: Collection[PaymentState] = ()
) -> int:
    """Won of these in a Korean month (`YYYY-MM`), less what operators took off the bill.

    `also`: states that count too, of whatever month. They are read in the same statement: by two, a
    payment that becomes PAID between them would be in neither.
    """
    paid = Q(billing_month=month, state=PaymentState.PAID)
    given_back = Refund.objects.filter(
        payment__in=payments.filter(paid), route=Route.CARRIER, state=RefundState.SUCCEEDED
    ).aggregate(won=Sum("amount_won"))
    counted = payments.filter(paid | Q(state__in=also)).aggregate(won=Sum("amount_won"))
    return (counted["won"] or 0) - (given_back["won"] or 0)


class LineChange(models.Model):
    """One decision about a line. Written once, never changed."""

    class Kind(models.TextChoices):
        """What was decided."""

        BLOCKED = "BLOCKED"
        BLOCKED_NOT_ME = "BLOCKED_NOT_ME"
        UNBLOCK_ASKED = "UNBLOCK_ASKED"
        UNBLOCK_WITHDRAWN = "UNBLOCK_WITHDRAWN"
        LIMIT_LOWERED = "LIMIT_LOWERED"
        LIMIT_RAISE_ASKED = "LIMIT_RAISE_ASKED"
        LIMIT_RAISE_WITHDRAWN = "LIMIT_RAISE_WITHDRAWN"

    rules = models.ForeignKey(LineRules, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=24, choices=Kind.choices)
    # The limit in question, in won; None for "no limit" and where no limit is meant.
    limit_won = models.PositiveIntegerField(null=True, blank=True)
    # When it comes true; the moment of the decision itself for what needs no waiting.
    effective_at = models.DateTimeField()
    decided_at = models.DateTimeField()
    language = models.CharField(max_length=5, default="ko")

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.rules_id}: {self.kind}"
