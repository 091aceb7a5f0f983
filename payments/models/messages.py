"""What we tell people, and every try to deliver it."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from payments import encryption, texts
from payments.models.payments import Payment

_PLACE_TO = "message.to"
_PLACE_TEXT = "message.text"
_PLACE_FALLBACK = "message.fallback"


class Message(models.Model):
    """One text or mail; the row is the job. The database keeps it to one per `dedupe_key`."""

    class Channel(models.TextChoices):
        """How it travels."""

        SMS = "SMS"
        EMAIL = "EMAIL"

    kind = models.CharField(max_length=40)
    dedupe_key = models.CharField(max_length=120, unique=True)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    payment = models.ForeignKey(
        Payment,
        on_delete=models.PROTECT,
        related_name="messages",
        null=True,
        blank=True,
    )
    language = models.CharField(max_length=5, default="ko", db_default="ko")
    to_sealed = models.TextField()
    to_masked = models.CharField(max_length=120)
    subject = models.CharField(max_length=200, blank=True)
    # Where the answer to a mail goes, when not to where all mails come from. Ours: nobody's data.
    reply_to = models.CharField(max_length=254, blank=True, default="", db_default="")
    # Sealed, because a verification text carries its code.
    text_sealed = models.TextField()
    # The mail address that is tried when the phone cannot be reached and no mail goes out anyway.
    fallback_sealed = models.TextField(blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    # After this it is worth nothing, or a person must deal with it.
    deadline_at = models.DateTimeField(db_default=Now() + timedelta(hours=24))
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    # Why the latest try failed, and who deals with it once it is dead. Never personal data.
    problem = models.CharField(max_length=100, blank=True)
    owner = models.CharField(max_length=80, blank=True)

    SEALED = {
        "to_sealed": _PLACE_TO,
        "text_sealed": _PLACE_TEXT,
        "fallback_sealed": _PLACE_FALLBACK,
    }

    class Meta:
        verbose_name = verbose_name_plural = _("문자와 메일")
        permissions = [("resend_message", "Can send a dead message again")]
        indexes = [
            models.Index(
                name="message_due",
                fields=["due_at"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} {self.to_masked}"

    @property
    def to(self) -> str:
        """The number or address, in full."""
        return encryption.unseal(self.to_sealed, place=_PLACE_TO)

    @to.setter
    def to(self, value: str) -> None:
        self.to_sealed = encryption.seal(value, place=_PLACE_TO)

    @property
    def text(self) -> str:
        """The words."""
        return encryption.unseal(self.text_sealed, place=_PLACE_TEXT)

    @text.setter
    def text(self, value: str) -> None:
        self.text_sealed = encryption.seal(value, place=_PLACE_TEXT)

    @property
    def fallback(self) -> str:
        """The address of last resort; empty when there is none."""
        return encryption.unseal(self.fallback_sealed, place=_PLACE_FALLBACK)

    @fallback.setter
    def fallback(self, value: str) -> None:
        self.fallback_sealed = encryption.seal(value, place=_PLACE_FALLBACK)

    @property
    def format(self) -> texts.Format:
        """How the network carries the words of a text; of no meaning for a mail."""
        return texts.format_of(self.text)


class MessageDelivery(models.Model):
    """One try to hand a message to its provider: written before the call, completed after it."""

    class Outcome(models.TextChoices):
        """What became of it. SENT: the process died waiting, so nobody knows, as with UNKNOWN."""

        SENT = "SENT"
        ACCEPTED = "ACCEPTED"
        REFUSED = "REFUSED"
        UNREACHABLE = "UNREACHABLE"
        UNKNOWN = "UNKNOWN"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="deliveries")
    attempted_at = models.DateTimeField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    provider_id = models.CharField(max_length=200, blank=True)
    problem = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return f"{self.message_id} {self.outcome}"
