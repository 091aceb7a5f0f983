"""A person takes a difference on, and says how it was settled."""

from datetime import datetime

from django.db import transaction

from payments.models import Difference


class AlreadyResolved(Exception):
    """The difference was settled before; carries how."""

    def __init__(self, resolution: str) -> None:
        super().__init__(resolution)
        self.resolution = resolution


@transaction.atomic
def take(difference_id: int, *, by: str) -> Difference:
    """Make somebody the owner. Raises AlreadyResolved."""
    difference = _open(difference_id)
    difference.owner = by
    difference.save(update_fields=["owner"])
    return difference


@transaction.atomic
def resolve(difference_id: int, *, resolution: str, by: str, now: datetime) -> Difference:
    """Write down how it was settled. Raises AlreadyResolved, and ValueError without words."""
    if not resolution.strip():
        raise ValueError("a resolution in words is needed")
    difference = _open(difference_id)
    difference.owner = difference.resolved_by = by
    difference.resolution = resolution.strip()[:200]
    difference.resolved_at = now
    difference.save(update_fields=["owner", "resolution", "resolved_by", "resolved_at"])
    return difference


def _open(difference_id: int) -> Difference:
    difference = Difference.objects.select_for_update(no_key=True).get(pk=difference_id)
    if difference.resolved_at is not None:
        raise AlreadyResolved(difference.resolution)
    return difference
