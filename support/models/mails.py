"""Mails that came to the customer centre, and what was made of each."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments import encryption
from payments.subscriber import mask_email
from support.models.conversation import TicketMessage
from support.models.tickets import Ticket

_PLACE_SENDER = "inbound_mail.sender"
_PLACE_SUBJECT = "inbound_mail.subject"


class InboundMail(models.Model):
    """One mail, once: the database keeps it to one row per `digest`.

    Its words are in the conversation of its case, and the mail itself stays in the mailbox; of one
    that came to nothing, only who wrote it under which title is kept, so that a person can look.
    """

    class Verdict(models.TextChoices):
        """What was made of it."""

        OPENED = "OPENED", _("새 요청이 됨")
        ADDED = "ADDED", _("요청의 대화에 더함")
        BOUNCED = "BOUNCED", _("우리 메일이 닿지 않았다는 알림")
        MACHINE = "MACHINE", _("자동으로 보낸 메일")
        OWN = "OWN", _("우리가 보낸 메일")
        TOO_MANY = "TOO_MANY", _("한 시간에 너무 많이 온 메일")
        NO_SENDER = "NO_SENDER", _("보낸 사람을 알 수 없는 메일")
        UNREADABLE = "UNREADABLE", _("읽을 수 없는 메일")
        SET_ASIDE = "SET_ASIDE", _("읽다가 거듭 멈춘 메일")

    digest = models.CharField(max_length=64, unique=True)
    verdict = models.CharField(_("처리"), max_length=12, choices=Verdict.choices)
    # Which mark gave a machine away.
    mark = models.CharField(max_length=40, blank=True)
    sender_sealed = models.TextField(blank=True)
    sender_bidx = models.CharField(max_length=64, blank=True)
    subject_sealed = models.TextField(blank=True)
    attachments = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(_("받은 때"))
    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="mails", null=True, blank=True
    )
    message = models.OneToOneField(
        TicketMessage, on_delete=models.PROTECT, related_name="mail", null=True, blank=True
    )

    SEALED = {"sender_sealed": _PLACE_SENDER, "subject_sealed": _PLACE_SUBJECT}

    class Meta:
        verbose_name = _("받은 메일")
        verbose_name_plural = _("받은 메일 목록")
        indexes = [
            models.Index(name="inbound_mail_sender", fields=["sender_bidx", "received_at"]),
            models.Index(name="inbound_mail_at", fields=["received_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

    def set_letter(self, *, sender: str, subject: str) -> None:
        """Remember who wrote under which title, sealed; the caller saves."""
        self.sender_sealed = encryption.seal(sender, place=_PLACE_SENDER)
        self.subject_sealed = encryption.seal(subject, place=_PLACE_SUBJECT)

    @property
    def masked_sender(self) -> str:
        """`a***@example.kr`; empty when nobody is known, or not any more."""
        sender = encryption.unseal(self.sender_sealed, place=_PLACE_SENDER)
        return mask_email(sender) if sender else ""

    @property
    def subject(self) -> str:
        """Its title; empty when there was none, or not any more."""
        return encryption.unseal(self.subject_sealed, place=_PLACE_SUBJECT)


class BegunMail(models.Model):
    """A mail begun and not written down yet (`support.begun_mails`); gone when it is."""

    # Of the whole mail: what it says of itself may be what stops its reader.
    digest = models.CharField(max_length=64, unique=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.pk}"
