"""The operator's daily file beside our own rows, and every difference between them."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.append_only import append_only
from payments.models.payments import Payment
from payments.models.refunds import Refund


class Reconciliation(models.Model):
    """One Korean day of the operators' file; the row is the job.

    `dead_at`: the file could not be had or read; a person looks.
    """

    day = models.DateField(unique=True)
    due_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("대사")

    def __str__(self) -> str:
        return self.day.isoformat()


class OperatorLine(models.Model):
    """One line of the file, and what of ours it is about; both None when nothing is."""

    class Kind(models.TextChoices):
        """As the operator calls it."""

        CHARGE = "charge"
        REFUND = "refund"

    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.PROTECT, related_name="lines"
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    order_ref = models.CharField(max_length=100, blank=True)
    carrier_payment_id = models.CharField(max_length=100)
    reference = models.CharField(max_length=100, blank=True)
    amount_won = models.BigIntegerField()
    at = models.DateTimeField()
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="operator_lines", null=True, blank=True
    )
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, related_name="operator_lines", null=True, blank=True
    )

    class Meta:
        verbose_name = verbose_name_plural = _("통신사 파일의 줄")
        constraints = [
            models.UniqueConstraint(name="operator_line", fields=["reconciliation", "number"]),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_won}"


class Difference(models.Model):
    """Where the two do not agree. Open until somebody says how it was settled."""

    class Kind(models.TextChoices):
        """What does not agree."""

        MISSING_HERE = "MISSING_HERE", _("우리에게 없음")
        MISSING_THERE = "MISSING_THERE", _("통신사에 없음")
        AMOUNT_DIFFERS = "AMOUNT_DIFFERS", _("금액이 다름")
        STATE_DIFFERS = "STATE_DIFFERS", _("상태가 다름")
        CANCELLED_THERE = "CANCELLED_THERE", _("통신사가 취소함")

    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.PROTECT, related_name="differences"
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    line = models.ForeignKey(
        OperatorLine, on_delete=models.PROTECT, related_name="differences", null=True, blank=True
    )
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="differences", null=True, blank=True
    )
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, related_name="differences", null=True, blank=True
    )
    ours_won = models.BigIntegerField(null=True, blank=True)
    theirs_won = models.BigIntegerField(null=True, blank=True)
    ours_state = models.CharField(max_length=24, blank=True)
    found_at = models.DateTimeField()
    owner = models.CharField(max_length=80)
    resolution = models.CharField(max_length=200, blank=True)
    resolved_by = models.CharField(max_length=80, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("대사 차이")
        constraints = [
            models.UniqueConstraint(
                name="difference_once",
                fields=["reconciliation", "kind", "line", "payment", "refund"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(name="difference_has_owner", condition=~Q(owner="")),
            models.CheckConstraint(
                name="difference_resolved_in_words",
                condition=Q(resolved_at__isnull=True) | ~Q(resolution=""),
            ),
        ]
        indexes = [
            models.Index(
                name="difference_open",
                fields=["found_at"],
                condition=Q(resolved_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reconciliation_id}"
