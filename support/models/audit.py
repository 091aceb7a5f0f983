"""The trail of what people of ours looked at and did."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.models.append_only import append_only


class AuditEntry(models.Model):
    """One link of the trail (`support.audit`). Written once, never changed."""

    class Action(models.TextChoices):
        """What was done, or tried."""

        REVEALED = "REVEALED", _("개인정보 봄")
        PROVIDED = "PROVIDED", _("개인정보 줌")
        EXPORTED = "EXPORTED", _("파일로 받음")
        DENIED = "DENIED", _("권한이 없어 막힘")
        DELETED = "DELETED", _("지움")
        DECIDED = "DECIDED", _("돈에 대해 결정함")
        FACTOR_ON = "FACTOR_ON", _("2단계 인증 켬")
        FACTOR_OFF = "FACTOR_OFF", _("2단계 인증 끔")
        RESET = "RESET", _("2단계 인증 재설정")

    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(_("때"))
    actor = models.CharField(_("누가"), max_length=80)
    action = models.CharField(_("무엇을"), max_length=10, choices=Action.choices)
    subject = models.CharField(_("대상"), max_length=200)
    person = models.CharField(max_length=64, blank=True, db_index=True)
    reason = models.CharField(_("이유"), max_length=500, blank=True)
    address = models.CharField(_("접속 주소"), max_length=45, blank=True)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = _("감사 기록")
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.pk}: {self.action} {self.subject}"


class AuditHead(models.Model):
    """One row: where the trail ends, so that cutting its end off shows."""

    last = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.last}"
