"""What somebody of ours has to look at: written where it is noticed, closed by a person."""

from datetime import datetime

from django.db import models


class Alert(models.Model):
    """One thing to look at; the same thing twice is one row. Holds no personal data."""

    class Kind(models.TextChoices):
        """What was noticed."""

        UNMAPPED_ANSWER = "UNMAPPED_ANSWER"
        GIVEN_UP = "GIVEN_UP"

    kind = models.CharField(max_length=24, choices=Kind.choices)
    # What it is about: `call:12`, `event:7`.
    ref = models.CharField(max_length=40)
    detail = models.CharField(max_length=200, blank=True)
    raised_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="alert_once", fields=["kind", "ref"]),
        ]
        indexes = [
            models.Index(
                name="alert_open",
                fields=["raised_at"],
                condition=models.Q(closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"

    @classmethod
    def note(cls, kind: "Alert.Kind", *, ref: str, detail: str, at: datetime) -> None:
        """Raise it, unless it was raised before."""
        alert = Alert(kind=kind, ref=ref, detail=detail[:200], raised_at=at)
        Alert.objects.bulk_create([alert], ignore_conflicts=True)
