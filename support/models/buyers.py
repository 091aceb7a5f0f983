"""What a seller told the owner of a line about who bought with it."""

from django.conf import settings
from django.db import models

from payments import encryption
from support.models.tickets import Ticket

_PLACE_NAME = "buyer.name"
_PLACE_BIRTHDATE = "buyer.birthdate"


class BuyerAnswer(models.Model):
    """Name and birthdate of a buyer, from the seller, for the line's owner (정보통신망법 §58의2).

    Blank once its time is over (`support.buyers`); that it was given stays.
    """

    ticket = models.OneToOneField(Ticket, on_delete=models.PROTECT, related_name="buyer")
    name_sealed = models.TextField(blank=True)
    birthdate_sealed = models.TextField(blank=True)
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    given_at = models.DateTimeField()

    SEALED = {"name_sealed": _PLACE_NAME, "birthdate_sealed": _PLACE_BIRTHDATE}

    def __str__(self) -> str:
        return f"{self.ticket_id}"

    def set_buyer(self, *, name: str, birthdate: str) -> None:
        """Remember both, sealed; the caller saves. `birthdate` is `1990-01-31`."""
        self.name_sealed = encryption.seal(name, place=_PLACE_NAME)
        self.birthdate_sealed = encryption.seal(birthdate, place=_PLACE_BIRTHDATE)

    @property
    def name(self) -> str:
        """Empty when it was forgotten."""
        return encryption.unseal(self.name_sealed, place=_PLACE_NAME)

    @property
    def birthdate(self) -> str:
        """`1990-01-31`; empty when it was forgotten."""
        return encryption.unseal(self.birthdate_sealed, place=_PLACE_BIRTHDATE)
