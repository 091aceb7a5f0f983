"""What somebody of ours has to look at: written where it is noticed, closed by a person."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _


class Alert(models.Model):
    """One thing to look at; the same thing twice is one open row. Holds no personal data."""

    class Kind(models.TextChoices):
        """What was noticed."""

        REVIEW = "REVIEW", _("담당자가 확인할 결제")
        REFUND_FAILED = "REFUND_FAILED", _("실패한 환불")
        PAYOUT_FAILED = "PAYOUT_FAILED", _("실패한 지급")
        REFUND_UNKNOWN = "REFUND_UNKNOWN", _("오래 답이 없는 환불")
        PAYOUT_UNKNOWN = "PAYOUT_UNKNOWN", _("오래 답이 없는 지급")
        UNMAPPED_ANSWER = "UNMAPPED_ANSWER", _("뜻을 모르는 통신사 답")
        GIVEN_UP = "GIVEN_UP", _("보내지 못한 알림")
        MAIL_NOT_READ = "MAIL_NOT_READ", _("읽지 못하는 메일")
        # The operator charged what had ended without a charge; it was taken back, or could not be.
        LATE_CHARGE = "LATE_CHARGE", _("끝난 뒤에 청구된 결제")

    # What closed it when nobody had to: the row it is about went on by itself.
    SETTLED = "SETTLED"

    kind = models.CharField(max_length=24, choices=Kind.choices)
    # What it is about: `call:12`, `event:7`, `payment:3`.
    ref = models.CharField(max_length=40)
    detail = models.CharField(max_length=200, blank=True)
    raised_at = models.DateTimeField()
    # Who sees to it, by the name they sign in with; empty until somebody takes it.
    owner = models.CharField(max_length=80, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=80, blank=True)
    resolution = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("사람이 볼 일")
        constraints = [
            models.UniqueConstraint(
                name="alert_once",
                fields=["kind", "ref"],
                condition=models.Q(closed_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                name="alert_open",
                fields=["raised_at"],
                condition=models.Q(closed_at__isnull=True),
            ),
            models.Index(name="alert_ref", fields=["ref"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"

    @classmethod
    def note(cls, kind: "Alert.Kind", *, ref: str, detail: str, at: datetime) -> None:
        """Raise it, unless it is open already."""
        alert = Alert(kind=kind, ref=ref, detail=detail[:200], raised_at=at)
        Alert.objects.bulk_create([alert], ignore_conflicts=True)

    @classmethod
    def settle(cls, ref: str, *, resolution: str, by: str, at: datetime) -> None:
        """Close whatever is open about a row, because somebody has put it right."""
        Alert.objects.filter(ref=ref, closed_at__isnull=True).update(
            closed_at=at, closed_by=by, resolution=resolution[:200]
        )
