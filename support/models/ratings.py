"""How customers found the way we handled their cases."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.models.tickets import Ticket


class Rating(models.Model):
    """How a customer found the way we handled a case: one row a case, told by its link."""

    class Score(models.TextChoices):
        """The three there are to tap."""

        GOOD = "GOOD", _("좋았어요")
        FAIR = "FAIR", _("보통이에요")
        POOR = "POOR", _("아쉬워요")

    ticket = models.OneToOneField(Ticket, on_delete=models.PROTECT, related_name="rating")
    score = models.CharField(max_length=4, choices=Score.choices)
    text = models.CharField(max_length=300, blank=True)
    # Who had decided the case when it was rated; another round may be another agent's.
    agent = models.CharField(max_length=80)
    given_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="rating_given", fields=["given_at"])]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.score}"
