"""Money on its way back."""

import pgtrigger
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef, Q
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from payments import encryption, states
from payments.calendar import Route
from payments.models.append_only import append_only
from payments.models.merchants import Merchant
from payments.models.moving import Moving
from payments.models.payments import Payment
from payments.states import RefundState

_PLACE_ACCOUNT = "refund.account"
_LETS_GO = ", ".join(f"'{state}'" for state in sorted(set(RefundState) - states.REFUND_HOLDS_MONEY))


class Refund(Moving):
    """One return of money; the row is the job: `due_at` says when the worker takes it."""

    moves = states.REFUND_MOVES

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT)
    amount_won = models.BigIntegerField()
    route = models.CharField(max_length=8, choices=[(r.value, r.value) for r in Route])
    # Why this route, in the words of calendar.Reason.
    route_reason = models.CharField(max_length=24, blank=True)
    state = models.CharField(
        max_length=20,
        choices=[(s.value, s.value) for s in RefundState],
        default=RefundState.REQUESTED,
    )
    reason = models.CharField(max_length=200, blank=True)
    failure_code = models.CharField(max_length=40, blank=True)
    requested_by = models.CharField(max_length=80)
    approved_by = models.CharField(max_length=80, blank=True)
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    expected_on = models.DateField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    carrier_refund_id = models.CharField(max_length=100, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    bank = models.CharField(max_length=20, blank=True)
    account_sealed = models.TextField(blank=True)
    account_last4 = models.CharField(max_length=4, blank=True)
    holder_sealed = models.TextField(blank=True)

    SEALED = {"account_sealed": _PLACE_ACCOUNT, "holder_sealed": _PLACE_ACCOUNT}

    class Meta:
        verbose_name = verbose_name_plural = _("환불")
        constraints = [
            models.CheckConstraint(name="refund_amount", condition=Q(amount_won__gt=0)),
            models.CheckConstraint(
                name="refund_state",
                condition=Q(state__in=[s.value for s in RefundState]),
            ),
            models.CheckConstraint(
                name="refund_waiting_has_due_time",
                condition=~Q(state__in=["SCHEDULED", "SENDING", "UNKNOWN"])
                | Q(due_at__isnull=False),
            ),
        ]
        triggers = [
            # What is held of a payment is never more than was paid, whoever asks at the same
            # moment: the payment's row is where they queue, and the sum is taken behind it.
            pgtrigger.Trigger(
                name="within_paid",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                declare=[("paid_won", "bigint"), ("held_won", "bigint")],
                func=f"""
                    IF NEW.state IN ({_LETS_GO}) OR TG_OP = 'UPDATE'
                        AND OLD.state NOT IN ({_LETS_GO})
                        AND (OLD.payment_id, OLD.amount_won) = (NEW.payment_id, NEW.amount_won)
                    THEN
                        RETURN NULL;
                    END IF;
                    SELECT amount_won INTO paid_won FROM payments_payment
                     WHERE id = NEW.payment_id FOR NO KEY UPDATE;
                    SELECT sum(amount_won) INTO held_won FROM payments_refund
                     WHERE payment_id = NEW.payment_id AND state NOT IN ({_LETS_GO});
                    IF held_won > paid_won THEN
                        RAISE EXCEPTION 'refunds of payment % hold % of % won',
                            NEW.payment_id, held_won, paid_won USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,  # noqa: S608 (states of our own)
            ),
        ]
        indexes = [
            models.Index(
                name="refund_due",
                fields=["due_at"],
                condition=Q(state__in=["SCHEDULED", "SENDING", "UNKNOWN"]),
            ),
            models.Index(name="refund_merchant_time", fields=["merchant", "-requested_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.amount_won} won, {self.state}"

    def set_account(self, *, bank: str, number: str, holder: str) -> None:
        """Remember where to pay, sealed; the caller saves."""
        self.bank = bank
        self.account_sealed = encryption.seal(number, place=_PLACE_ACCOUNT)
        self.account_last4 = number[-4:]
        self.holder_sealed = encryption.seal(holder, place=_PLACE_ACCOUNT)

    @classmethod
    def beside_payment(cls) -> ArraySubquery:
        """State, route and won of a payment's refunds, read in the statement of the payment."""
        row = JSONObject(state="state", route="route", won="amount_won")
        return ArraySubquery(cls.objects.filter(payment=OuterRef("pk")).values(row=row))

    @property
    def account_number(self) -> str:
        """Digits of the payer's account; empty when none is known."""
        return encryption.unseal(self.account_sealed, place=_PLACE_ACCOUNT)

    @property
    def account_holder(self) -> str:
        """Name on the payer's account; empty when none is known."""
        return encryption.unseal(self.holder_sealed, place=_PLACE_ACCOUNT)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in states.REFUND_FINAL


class RefundEvent(models.Model):
    """One move of a refund. Written once, never changed."""

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="events")
    from_state = models.CharField(max_length=20)
    to_state = models.CharField(max_length=20)
    event = models.CharField(max_length=40, blank=True)
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.refund_id}: {self.from_state} → {self.to_state}"
