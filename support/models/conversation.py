"""What was said about a case: to its customer, to its merchant, and among ourselves."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from support.models.keeping import append_only_for_three_years
from support.models.tickets import Ticket


class TicketMessage(models.Model):
    """Something said between us and one side about a ticket; that side may read all of it."""

    class Party(models.TextChoices):
        """Who is spoken with. A merchant's words are not for the customer, nor the other way."""

        CUSTOMER = "C", _("고객")
        MERCHANT = "M", _("판매자")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    party = models.CharField(max_length=1, choices=Party.choices, default=Party.CUSTOMER)
    author = models.CharField(max_length=80)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        triggers = append_only_for_three_years("text")

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.author}"


class InternalNote(models.Model):
    """What agents tell each other. Only the desk reads this table: nothing of it ever leaves."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="notes")
    author = models.CharField(max_length=80)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        triggers = append_only_for_three_years("text")

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.author}"


class Reply(models.Model):
    """Words on their way to the customer: on hold, then sent or taken back (`support.replies`)."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="replies")
    text = models.TextField()
    waits = models.BooleanField(default=False)
    author = models.CharField(max_length=80)
    written_at = models.DateTimeField()
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="reply_sent_or_withdrawn",
                condition=Q(sent_at__isnull=True) | Q(withdrawn_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                name="reply_due",
                fields=["due_at"],
                condition=Q(sent_at__isnull=True, withdrawn_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.author}"


class Macro(models.Model):
    """A ready-made reply with gaps (`support.macros`), for one kind of request or for all."""

    name = models.CharField(_("이름"), max_length=40, unique=True)
    text = models.TextField(_("글"), max_length=300)
    kind = models.CharField(
        _("요청 종류"), max_length=1, choices=Ticket.Kind.choices, blank=True, default=""
    )
    waits = models.BooleanField(_("보낸 뒤 고객의 답을 기다림"), default=False)
    is_active = models.BooleanField(_("씀"), default=True)

    class Meta:
        verbose_name = verbose_name_plural = _("답장 틀")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
