"""Files that belong to what was said about a case."""

from datetime import timedelta

from django.db import models
from django.db.models import Q

from payments import encryption
from support.models.conversation import Reply, TicketMessage
from support.models.tickets import Ticket

_PLACE_NAME = "attachment.name"
_PLACE_KEY = "attachment.key"
_PLACE_BODY = "attachment.body"


class Attachment(models.Model):
    """A file: of a message, of a reply on hold, or (neither) a draft that no one was sent yet.

    Its bytes lie in the database on purpose: they come and go in one transaction with their
    message, are in the same backup, and no file is ever left without its row or the other way. They
    are few and small (`ATTACHMENT_MAX_BYTES`, so many an hour and a case). They are encrypted under
    a key of their own, and only that key is sealed under FIELD_KEYS: changing keys rewrites a line
    and not ten megabytes, and without the key the bytes in an old backup are noise.
    """

    class Kind(models.TextChoices):
        """What the bytes are."""

        JPEG = "JPEG", "JPEG"
        PNG = "PNG", "PNG"
        PDF = "PDF", "PDF"

    class Verdict(models.TextChoices):
        """What the scanner said; UNSCANNED: there is none."""

        CLEAN = "CLEAN"
        INFECTED = "INFECTED"
        UNSCANNED = "UNSCANNED"

    TYPES = {Kind.JPEG: "image/jpeg", Kind.PNG: "image/png", Kind.PDF: "application/pdf"}
    # How long a draft waits for the reply it was chosen for.
    DRAFT = timedelta(hours=12)

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="attachments")
    message = models.ForeignKey(
        TicketMessage, on_delete=models.PROTECT, related_name="attachments", null=True
    )
    reply = models.ForeignKey(
        Reply, on_delete=models.PROTECT, related_name="attachments", null=True
    )
    author = models.CharField(max_length=80)
    name_sealed = models.TextField(blank=True)
    kind = models.CharField(max_length=4, choices=Kind.choices)
    size = models.PositiveIntegerField()
    key_sealed = models.TextField(blank=True)
    added_at = models.DateTimeField()
    # The job of having it scanned: open until there is a verdict.
    verdict = models.CharField(max_length=9, choices=Verdict.choices, blank=True)
    due_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)

    SEALED = {"name_sealed": _PLACE_NAME, "key_sealed": _PLACE_KEY}

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="attachment_done_has_verdict",
                condition=Q(done_at__isnull=True) | ~Q(verdict=""),
            ),
        ]
        indexes = [
            models.Index(
                name="attachment_due",
                fields=["due_at", "id"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True),
            ),
            models.Index(
                name="attachment_draft",
                fields=["added_at"],
                condition=Q(message__isnull=True, reply__isnull=True),
            ),
            models.Index(name="attachment_recent", fields=["ticket", "added_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.pk}"

    def seal(self, name: str, content: bytes) -> bytes:
        """Take the name and a new key; returns the bytes to keep. The caller saves both."""
        key = encryption.new_key()
        self.name_sealed = encryption.seal(name, place=_PLACE_NAME)
        self.key_sealed = encryption.seal(key, place=_PLACE_KEY)
        self.size = len(content)
        return encryption.seal_bytes(content, key=key, place=_PLACE_BODY)

    @property
    def name(self) -> str:
        """What its sender called it; empty once it is forgotten."""
        return encryption.unseal(self.name_sealed, place=_PLACE_NAME)

    def content(self) -> bytes:
        """The bytes, read from the database. Raises encryption.Unreadable when they are gone."""
        body = AttachmentBody.objects.filter(pk=self.pk).first()
        if body is None or not self.key_sealed:
            raise encryption.Unreadable(_PLACE_BODY)
        key = encryption.unseal(self.key_sealed, place=_PLACE_KEY)
        return encryption.unseal_bytes(bytes(body.content), key=key, place=_PLACE_BODY)

    @property
    def content_type(self) -> str:
        """What a browser is told."""
        return self.TYPES[Attachment.Kind(self.kind)]

    @property
    def is_kept(self) -> bool:
        """Whether the bytes are still there."""
        return bool(self.key_sealed)

    @property
    def is_open(self) -> bool:
        """Whether anybody may have it: looked at, found harmless, still there."""
        passed = (Attachment.Verdict.CLEAN, Attachment.Verdict.UNSCANNED)
        return self.verdict in passed and self.is_kept


class AttachmentBody(models.Model):
    """The encrypted bytes, in a table of their own: lists of files never load them."""

    attachment = models.OneToOneField(
        Attachment, on_delete=models.CASCADE, primary_key=True, related_name="body"
    )
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.pk}"
