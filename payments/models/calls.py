"""What we asked of an operator: committed before it leaves, completed when the answer came back."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments import declines
from payments.models.alerts import Alert
from payments.models.payments import Payment
from payments.models.refunds import Refund

_OUTCOME = ["state", "answer", "carrier_tx", "resolved_at"]


def new_order_ref() -> str:
    """The idempotency key of one call; the operator knows it as `clientCorrelator`."""
    return f"pb-{secrets.token_hex(12)}"


class CarrierCall(models.Model):
    """Intent and outcome of one call (design §3.4). A retry reuses its row and its order_ref."""

    class Kind(models.TextChoices):
        """Which verb of the operator."""

        MATCH = "MATCH"
        AGE = "AGE"
        SIM_SWAP = "SIM_SWAP"
        PIN = "PIN"
        PREPARE = "PREPARE"
        VALIDATE = "VALIDATE"
        CONFIRM = "CONFIRM"
        REVERSE = "REVERSE"
        REFUND = "REFUND"
        QUERY = "QUERY"
        PAYOUT = "PAYOUT"

    class State(models.TextChoices):
        """What is known of the answer.

        SENT: not back yet, or the process died waiting. SKIPPED: never sent, because the call
        before it in its chain was refused.
        """

        SENT = "SENT"
        OK = "OK"
        DECLINED = "DECLINED"
        UNKNOWN = "UNKNOWN"
        RESOLVED = "RESOLVED"
        SKIPPED = "SKIPPED"

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="calls")
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, related_name="calls", null=True, blank=True
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    order_ref = models.CharField(max_length=40, unique=True, default=new_order_ref)
    state = models.CharField(max_length=12, choices=State.choices, default=State.SENT)
    answer = models.CharField(max_length=200, blank=True)
    carrier_tx = models.CharField(max_length=100, blank=True)
    sent_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("통신사와 은행 호출")
        constraints = [
            models.UniqueConstraint(
                name="call_one_confirm_per_payment",
                fields=["payment"],
                condition=Q(kind="CONFIRM") & ~Q(state="SKIPPED"),
            ),
        ]
        indexes = [
            models.Index(
                name="call_open",
                fields=["sent_at"],
                condition=Q(state__in=["SENT", "UNKNOWN"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    def finish(self, state: "CarrierCall.State", *, at: datetime, answer: str = "") -> None:
        """Write down how the call ended."""
        self.set_outcome(state, at=at, answer=answer)
        self.save(update_fields=_OUTCOME)

    def send_again(self, *, at: datetime) -> None:
        """Write down that a call without an answer leaves once more, under its own order_ref."""
        self.set_outcome(CarrierCall.State.SENT, at=None, answer=self.answer)
        self.sent_at = at
        self.save(update_fields=[*_OUTCOME, "sent_at"])

    def note_if_unmapped(self, code: str, *, at: datetime) -> None:
        """Raise an alert when the operator refused in words we have no code for (domain §12)."""
        if code == declines.UNMAPPED:
            Alert.note(Alert.Kind.UNMAPPED_ANSWER, ref=f"call:{self.pk}", detail=self.answer, at=at)

    def set_outcome(
        self, state: "CarrierCall.State", *, at: datetime | None, answer: str = ""
    ) -> None:
        """How the call ended; the caller saves, with `save_outcomes`."""
        self.state = state
        self.answer = answer[:200]
        self.resolved_at = at

    @classmethod
    def save_outcomes(cls, calls: Iterable[Self]) -> None:
        """Write down how a chain of calls ended, in one statement."""
        cls.objects.bulk_update(calls, _OUTCOME)
