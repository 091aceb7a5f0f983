"""What an agent looks at in the queue again and again."""

from django.conf import settings
from django.db import models

from payments import encryption

_PLACE_TERM = "saved_view.term"


class SavedView(models.Model):
    """A view of the queue, or a search, under the name its agent gave it (`support.saved_views`).

    What is looked for is sealed: people look for telephone numbers.
    """

    LONGEST_NAME = 20
    MOST = 10
    SEALED = {"term_sealed": _PLACE_TERM}

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    name = models.CharField(max_length=LONGEST_NAME)
    view = models.CharField(max_length=20)
    term_sealed = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="saved_view_name_once", fields=["user", "name"]),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.pk}"

    @property
    def term(self) -> str:
        """What is looked for; empty for a view as it is."""
        return encryption.unseal(self.term_sealed, place=_PLACE_TERM)

    @term.setter
    def term(self, value: str) -> None:
        self.term_sealed = encryption.seal(value, place=_PLACE_TERM)
