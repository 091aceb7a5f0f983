"""Changing the key under running traffic: every sealed column goes over to the newest key.

The order of a change: put the new key first in FIELD_KEYS and restart everything, so that all new
rows use it and old ones still open; run `manage.py rotate_keys` until nothing is left; take the old
key out. A column tells its place in its model's `SEALED`; one that does not stops the rotation.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import OperationalError, models, transaction
from django.db.models import CharField, Count, F, Func, Value

from payments import encryption

# Rows stay locked for a batch: few, because payers wait behind them.
BATCH = 100


class Unplaced(Exception):
    """A sealed column that its model's SEALED does not name: it would be left behind."""


@dataclass(frozen=True)
class Column:
    """A sealed column and the place its values are bound to."""

    model: type[models.Model]
    name: str
    place: str

    def __str__(self) -> str:
        return f"{self.model.__name__}.{self.name}"

    def rows(self) -> models.QuerySet[models.Model]:
        """All rows that hold a value."""
        return self.model._default_manager.exclude(**{self.name: ""})  # noqa: SLF001 (Django's)

    def unchanged(self, key: int, sealed: str) -> models.QuerySet[models.Model]:
        """The row while it holds what was read: what somebody wrote in between is newer."""
        return self.rows().filter(pk=key, **{self.name: sealed})


@dataclass(frozen=True)
class Step:
    """One batch of a column: how many rows went over, how many had changed meanwhile."""

    column: Column
    moved: int
    passed_by: int


def columns() -> list[Column]:
    """Every sealed column there is. Raises Unplaced."""
    found = []
    for model in apps.get_models():
        meta = model._meta  # noqa: SLF001 (Django's)
        if meta.proxy:
            # Another screen of a table that is its model's already.
            continue
        places: dict[str, str] = getattr(model, "SEALED", {})
        names = {field.name for field in meta.fields if field.name.endswith("_sealed")}
        if names != set(places):
            raise Unplaced(f"{model.__name__}: SEALED names {set(places)}, sealed are {names}")
        found += [Column(model, name, places[name]) for name in sorted(names)]
    return found


def rotate() -> Iterator[Step]:
    """Seal anew what is not under the newest key, a batch at a time; yields each batch's figures.

    Can be stopped anywhere and begun again: what is done is done. Several may run at once.
    """
    for column in columns():
        after = 0
        while keys := _older(column, after=after):
            after = keys[-1]
            try:
                yield _step(column, keys)
            except OperationalError:
                # Somebody holds a row for long: the next run finds it again.
                yield Step(column, 0, len(keys))


def count_by_key() -> dict[str, Counter[str]]:
    """How many values each column holds under each key."""
    head = Func(F("sealed"), Value(":"), Value(1), function="split_part", output_field=CharField())
    counts: dict[str, Counter[str]] = {}
    for column in columns():
        rows = column.rows().annotate(sealed=F(column.name)).values(key=head)
        found = rows.annotate(count=Count("pk")).values_list("key", "count")
        counts[str(column)] = Counter(dict(found.order_by("key")))
    return counts


def _older(column: Column, *, after: int) -> list[int]:
    newest = {f"{column.name}__startswith": encryption.newest_prefix()}
    older = column.rows().filter(pk__gt=after).exclude(**newest)
    return list(older.order_by("pk").values_list("pk", flat=True)[:BATCH])


@transaction.atomic(durable=True)
def _step(column: Column, keys: list[int]) -> Step:
    rows = column.rows().filter(pk__in=keys).order_by("pk")
    moved = passed_by = 0
    for key, sealed in rows.values_list("pk", column.name):
        if sealed.startswith(encryption.newest_prefix()):
            continue
        plain = encryption.unseal(sealed, place=column.place)
        anew = encryption.seal(plain, place=column.place)
        if column.unchanged(key, sealed).update(**{column.name: anew}):
            moved += 1
        else:
            passed_by += 1
    return Step(column, moved, passed_by)
