"""Proof that personal data was destroyed when its time was over."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.models.append_only import append_only


class RetentionProof(models.Model):
    """One batch destroyed under one rule, or a day on which nothing was due. Never changed.

    Everything destroyed dates from before `cutoff`, the earliest from `oldest`.
    """

    rule = models.CharField(max_length=24)
    count = models.PositiveIntegerField()
    oldest = models.DateTimeField(null=True, blank=True)
    cutoff = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = _("파기 기록")
        indexes = [models.Index(name="retention_rule_time", fields=["rule", "-at"])]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.rule} {self.count}"
