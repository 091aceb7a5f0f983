"""What one person wants done with money and a second one has to agree to."""

from django.db import models
from django.db.models import F, Q


class Proposal(models.Model):
    """One decision above the amount that one person may decide alone (`payments.decisions`)."""

    # The decision and its row: `refund` of `payment:12`.
    what = models.CharField(max_length=24)
    subject = models.CharField(max_length=40)
    amount_won = models.BigIntegerField()
    reason = models.CharField(max_length=500)
    proposed_by = models.CharField(max_length=80)
    proposed_at = models.DateTimeField()
    agreed_by = models.CharField(max_length=80, blank=True)
    agreed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="proposal_once",
                fields=["what", "subject"],
                condition=Q(agreed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="proposal_two_people", condition=~Q(agreed_by=F("proposed_by"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.subject}"
