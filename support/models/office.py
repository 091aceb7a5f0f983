"""The days on which the desk works otherwise."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DayException(models.Model):
    """A day on which the desk's calendar is not the usual one (임시공휴일, a Saturday we work)."""

    day = models.DateField(_("날짜"), unique=True)
    is_open = models.BooleanField(_("일하는 날"), default=False)
    name = models.CharField(_("이름"), max_length=60)

    class Meta:
        verbose_name = verbose_name_plural = _("쉬는 날 예외")
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"
