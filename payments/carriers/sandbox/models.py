"""The operator's books. The database decides uniqueness and totals, not a look before a write."""

import secrets
from typing import ClassVar

from django.db import models
from django.db.models import F, Q


def new_id() -> str:
    """An identifier nobody can guess."""
    return secrets.token_hex(13).upper()


class Payment(models.Model):
    """A reservation on a line, and its charge once it is confirmed."""

    class Status(models.TextChoices):
        """`paymentStatus` of the standard; `processing` is never used here."""

        PENDING_VALIDATION = "pending_validation"
        RESERVED = "reserved"
        SUCCEEDED = "succeeded"
        DENIED = "denied"
        CANCELLED = "cancelled"

    objects: ClassVar[models.Manager["Payment"]] = models.Manager()

    payment_id = models.CharField(primary_key=True, max_length=32, default=new_id)
    number = models.BigIntegerField(unique=True)
    phone = models.CharField(max_length=16)
    operator = models.CharField(max_length=16)
    client_correlator = models.TextField(null=True, unique=True)  # noqa: DJ001
    fingerprint = models.CharField(max_length=64)
    reference_code = models.TextField(db_index=True)
    amount_won = models.BigIntegerField()
    refunded_won = models.BigIntegerField(default=0)
    # What the client sent, given back unchanged in every answer.
    payment_amount = models.JSONField()
    merchant_identifier = models.TextField()
    seller = models.TextField()
    status = models.CharField(max_length=20, choices=Status)
    denial_reason = models.TextField()
    sink = models.TextField()
    sink_token = models.TextField()
    sink_expires_at = models.DateTimeField(null=True)
    authorization_id = models.CharField(max_length=64)
    code = models.CharField(max_length=6)
    code_expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    link = models.CharField(max_length=64, unique=True)
    link_used_at = models.DateTimeField(null=True)
    refund_failures = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_index=True)
    charged_at = models.DateTimeField(null=True)
    dark_until = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_won__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(refunded_won__gte=0) & Q(refunded_won__lte=F("amount_won")),
                name="payment_refunded_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(status="succeeded", charged_at__isnull=False)
                | (~Q(status="succeeded") & Q(charged_at__isnull=True)),
                name="payment_charged_means_succeeded",
            ),
        )

    def __str__(self) -> str:
        return self.payment_id

    @property
    def server_reference(self) -> str:
        """The operator's own number of the charge, for disputes."""
        return f"{self.operator or 'MVNO'}-{self.number}"

    @property
    def remaining_won(self) -> int:
        """What can still be refunded."""
        charged = self.status == self.Status.SUCCEEDED
        return self.amount_won - self.refunded_won if charged else 0


class Refund(models.Model):
    """Money taken off the bill again."""

    objects: ClassVar[models.Manager["Refund"]] = models.Manager()

    refund_id = models.CharField(primary_key=True, max_length=32, default=new_id)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    client_correlator = models.TextField(null=True, unique=True)  # noqa: DJ001
    fingerprint = models.CharField(max_length=64)
    reference_code = models.TextField()
    kind = models.CharField(max_length=8)
    amount_won = models.BigIntegerField()
    refund_amount = models.JSONField()
    merchant_identifier = models.TextField()
    reason = models.TextField()
    status = models.CharField(max_length=12, default="succeeded")
    sink = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_won__gt=0), name="refund_amount_positive"),
        )

    def __str__(self) -> str:
        return self.refund_id


class Message(models.Model):
    """A text on a customer's phone, or a mail in a mailbox."""

    objects: ClassVar[models.Manager["Message"]] = models.Manager()

    message_id = models.TextField(unique=True)
    channel = models.CharField(max_length=8)
    recipient = models.TextField()
    sender = models.TextField()
    subject = models.TextField()
    text = models.TextField()
    html = models.TextField()
    reply_to = models.TextField(default="")
    created_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["channel", "recipient", "-id"], name="message_newest"),)

    def __str__(self) -> str:
        return self.message_id


class Payout(models.Model):
    """A transfer the bank made for us; settled when it is written."""

    objects: ClassVar[models.Manager["Payout"]] = models.Manager()

    payout_id = models.TextField(primary_key=True)
    bank = models.TextField()
    account_number = models.TextField()
    holder = models.TextField()
    amount_won = models.BigIntegerField()
    memo = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_won__gt=0), name="payout_amount_positive"),
        )

    def __str__(self) -> str:
        return self.payout_id


class Pin(models.Model):
    """A customer's payment PIN, as a keyed hash, and how often it was wrong in a row."""

    objects: ClassVar[models.Manager["Pin"]] = models.Manager()

    phone = models.CharField(primary_key=True, max_length=16)
    # Empty: as the line came.
    pin_mac = models.CharField(max_length=64)
    failures = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.failures)


class Event(models.Model):
    """A CloudEvent for a sink. The row is the job: it carries its own due time and tries."""

    objects: ClassVar[models.Manager["Event"]] = models.Manager()

    body = models.JSONField()
    sink = models.TextField()
    token = models.TextField()
    expires_at = models.DateTimeField(null=True)
    copies = models.PositiveSmallIntegerField(default=1)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["due_at"],
                condition=Q(delivered_at__isnull=True, given_up_at__isnull=True),
                name="event_waiting",
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)


class Fault(models.Model):
    """An order to misbehave the next `times` times."""

    objects: ClassVar[models.Manager["Fault"]] = models.Manager()

    operation = models.CharField(max_length=20)
    mode = models.CharField(max_length=20)
    times = models.PositiveIntegerField()
    phone = models.CharField(max_length=16)
    reason = models.TextField()
    seconds = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.operation} {self.mode} {self.times} times"
