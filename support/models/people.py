"""The desk's people: who looks at which case now, and who takes how many."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from support.models.tickets import Ticket


class Presence(models.Model):
    """Somebody of ours has a case open; true until its lease runs out (`support.presence`)."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="presences")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_until = models.DateTimeField()
    writing_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="presence_once", fields=["ticket", "user"]),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.user_id}"


class Duty(models.Model):
    """Whether somebody takes cases now, and how many open ones at most (`support.sharing`)."""

    USUAL = 10
    MOST = 99

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="duty"
    )
    is_on_duty = models.BooleanField(default=False)
    capacity = models.PositiveSmallIntegerField(default=USUAL)

    class Meta:
        constraints = [
            models.CheckConstraint(name="duty_capacity", condition=Q(capacity__lte=99)),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.capacity}"
