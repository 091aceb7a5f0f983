"""One step on several cases, a row for each."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.payments import new_token
from support.models.tickets import Ticket


class BulkRun(models.Model):
    """One step that somebody takes on several cases (`support.bulk`); its items are the jobs."""

    class Action(models.TextChoices):
        """What may be done to many at once. Money is decided case by case."""

        ASSIGN = "ASSIGN", _("맡기기")
        ASK = "ASK", _("고객에게 묻기")
        DUPLICATE = "DUPLICATE", _("같은 요청으로 닫기")
        REJECT = "REJECT", _("거절")

    # Of the page it was confirmed on: pressed twice it is still one run.
    key = models.CharField(max_length=64, unique=True, default=new_token)
    action = models.CharField(max_length=10, choices=Action.choices)
    reason = models.CharField(max_length=500, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True
    )
    first = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="+", null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="bulk_run_newest", fields=["by", "-id"])]

    def __str__(self) -> str:
        return f"{self.pk}: {self.action}"


class BulkItem(models.Model):
    """The step on one case: a job with a due time, then what became of it."""

    run = models.ForeignKey(BulkRun, on_delete=models.PROTECT, related_name="items")
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="+")
    # The last change of the case that was known when the run was confirmed.
    seen = models.BigIntegerField()
    result = models.CharField(max_length=12, blank=True)
    due_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="bulk_item_once", fields=["run", "ticket"]),
            models.CheckConstraint(
                name="bulk_item_done_has_result",
                condition=Q(done_at__isnull=True) | ~Q(result=""),
            ),
        ]
        indexes = [
            models.Index(
                name="bulk_item_due",
                fields=["due_at", "id"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.ticket_id}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be tried."""
        return self.done_at is not None or self.dead_at is not None
