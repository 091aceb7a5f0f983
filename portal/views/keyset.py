"""Pages that start where the last one ended, so that page 200 costs what page 1 costs.

No OFFSET and no count (performance.md).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import Http404, QueryDict

SIZE = 30
_LONGEST = 18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, newest first, and the ways on; an empty address leads nowhere."""

    rows: list[Row]
    newer_url: str
    older_url: str


def page(rows: QuerySet[Row], *, at: str, query: QueryDict, size: int = SIZE) -> Page[Row]:
    """The page of `rows` that the query's `before` or `after` points at, newest first.

    `at` names the column of time. Raises Http404 for a cursor we never made.
    """
    after, before = query.get("after", ""), query.get("before", "")
    if after:
        moment, pk = _read(after)
        later = Q(**{f"{at}__gt": moment}) | Q(**{at: moment, "pk__gt": pk})
        # The plain comparison beside the pair is what the index can use.
        found = list(rows.filter(later, **{f"{at}__gte": moment}).order_by(at, "pk")[: size + 1])
        shown, has_newer, has_older = found[:size][::-1], len(found) > size, True
    else:
        if before:
            moment, pk = _read(before)
            earlier = Q(**{f"{at}__lt": moment}) | Q(**{at: moment, "pk__lt": pk})
            rows = rows.filter(earlier, **{f"{at}__lte": moment})
        found = list(rows.order_by(f"-{at}", "-pk")[: size + 1])
        shown, has_newer, has_older = found[:size], bool(before), len(found) > size
    if not shown:
        return Page([], "", "")
    return Page(
        rows=shown,
        newer_url=_url(query, "after", shown[0], at) if has_newer else "",
        older_url=_url(query, "before", shown[-1], at) if has_older else "",
    )


def _url(query: QueryDict, name: str, row: Any, at: str) -> str:
    kept = query.copy()
    for cursor in ("after", "before"):
        kept.pop(cursor, None)
    microseconds = (getattr(row, at) - _EPOCH) // timedelta(microseconds=1)
    kept[name] = f"{microseconds}-{row.pk}"
    return f"?{kept.urlencode()}"


def _read(cursor: str) -> tuple[datetime, int]:
    microseconds, _, pk = cursor.partition("-")
    if not all(
        part.isascii() and part.isdigit() and len(part) <= _LONGEST for part in (microseconds, pk)
    ):
        raise Http404
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds)), int(pk)
    except OverflowError:
        raise Http404 from None
