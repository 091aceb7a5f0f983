"""Proof that somebody holds a phone, outside a payment: a code of our own, texted by us."""

import hmac
import secrets
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from payments import encryption
from payments.models.payments import new_token

_PLACE_PHONE = "verification.phone"
ATTEMPTS = 5


def address_index(address: str) -> str:
    """The keyed hash of a network address, to count by."""
    return encryption.blind_index(address, kind="address")


class PhoneVerification(models.Model):
    """One code for one phone. The code is kept as a keyed hash and dies by use, tries or time."""

    token = models.CharField(max_length=64, unique=True, default=new_token)
    phone_sealed = models.TextField()
    phone_bidx = models.CharField(max_length=64, db_index=True)
    code_mac = models.CharField(max_length=64)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)

    # A visit to one's own payments: who the asker says to be, from where, in which browser.
    holder_bidx = models.CharField(max_length=64, blank=True)
    address_bidx = models.CharField(max_length=64, blank=True)
    session_hash = models.CharField(max_length=64, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    SEALED = {"phone_sealed": _PLACE_PHONE}

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="verification_one_session",
                fields=["session_hash"],
                condition=~Q(session_hash=""),
            ),
        ]
        indexes = [
            models.Index(
                name="verification_address",
                fields=["address_bidx", "-created_at"],
                condition=~Q(address_bidx=""),
            ),
        ]

    def __str__(self) -> str:
        return f"verification {self.pk}"

    @classmethod
    def start(cls, phone: str, *, at: datetime, seconds: int) -> tuple["PhoneVerification", str]:
        """A new verification and its code, which only the caller's text message ever carries."""
        code = f"{secrets.randbelow(1_000_000):06d}"
        token = new_token()
        row = cls.objects.create(
            token=token,
            phone_sealed=encryption.seal(phone, place=_PLACE_PHONE),
            phone_bidx=encryption.blind_index(phone, kind="phone"),
            code_mac=encryption.blind_index(f"{token}:{code}", kind="code"),
            created_at=at,
            expires_at=at + timedelta(seconds=seconds),
        )
        return row, code

    def check_code(self, code: str, *, at: datetime) -> bool:
        """Spend a try; True when the code is right. The database's clock and counter decide."""
        taken = PhoneVerification.objects.filter(
            pk=self.pk,
            attempts__lt=ATTEMPTS,
            verified_at__isnull=True,
            expires_at__gt=Now(),
        ).update(attempts=F("attempts") + 1)
        expected = encryption.blind_index(f"{self.token}:{code}", kind="code")
        if not taken or not hmac.compare_digest(expected, self.code_mac):
            return False
        return (
            PhoneVerification.objects.filter(pk=self.pk, verified_at__isnull=True).update(
                verified_at=at
            )
            == 1
        )

    def begin_visit(self, *, holder_bidx: str, address: str, session_hash: str) -> None:
        """Bind the code to who the asker says to be, where they ask from, and their browser."""
        self.holder_bidx = holder_bidx
        self.address_bidx = address_index(address)
        self.session_hash = session_hash
        self.save(update_fields=["holder_bidx", "address_bidx", "session_hash"])

    @property
    def phone(self) -> str:
        """The canonical number."""
        return encryption.unseal(self.phone_sealed, place=_PLACE_PHONE)
