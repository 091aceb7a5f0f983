"""An agent's own views of the queue: saved, renamed and forgotten. Nobody else sees them."""

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from support.models import SavedView
from support.queue import View


class NameMissing(Exception):
    """A view came without its name."""


class NameTaken(Exception):
    """Another view of the same agent has this name."""


class TooMany(Exception):
    """There are SavedView.MOST already."""


def of(user_id: int) -> list[SavedView]:
    """The agent's views in the order they were saved."""
    return list(SavedView.objects.filter(user_id=user_id))


def find(user_id: int, pk: int) -> SavedView | None:
    """One of the agent's own; None when it is not there, or somebody else's."""
    return SavedView.objects.filter(user_id=user_id, pk=pk).first()


@transaction.atomic
def save(*, user_id: int, name: str, view: View, term: str) -> SavedView:
    """Keep a view, or a search, under a name. Raises NameMissing, NameTaken, TooMany."""
    # One at a time for one agent, so that the most is the most.
    get_user_model().objects.select_for_update(no_key=True).get(pk=user_id)
    if SavedView.objects.filter(user_id=user_id).count() >= SavedView.MOST:
        raise TooMany
    saved = SavedView(user_id=user_id, view=str(view))
    saved.term = term
    return _named(saved, name)


@transaction.atomic
def rename(saved: SavedView, name: str) -> SavedView:
    """Give it another name. Raises NameMissing, NameTaken."""
    return _named(saved, name)


def forget(saved: SavedView) -> None:
    """Drop it; the cases it shows stay as they are."""
    SavedView.objects.filter(pk=saved.pk).delete()


def _named(saved: SavedView, name: str) -> SavedView:
    saved.name = " ".join(name.split())[: SavedView.LONGEST_NAME]
    if not saved.name:
        raise NameMissing
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError as error:
        raise NameTaken from error
    return saved
