"""A row whose state changes along a table, with its history and announcements (design §3.8)."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import connection, models, transaction

from payments.models.outbox import OutboxEvent
from payments.states import Moves, Overtaken, check_move


class Moving(models.Model):
    """What has a `state`, a table of `moves` and a history of `events`."""

    moves: ClassVar[Moves]
    state: Any
    events: Any

    class Meta:
        abstract = True

    def move_to(
        self, target: str, *, at: datetime, by: str, reason: str = "", is_announced: bool = True
    ) -> None:
        """Change the state, write history and announce the table's event for it, if it has one.

        Saves every field that was set before the move. Without `is_announced` nobody is told,
        because another announcement follows in the same breath. Raises IllegalMove, and Overtaken
        when the row has left the state this object was read in: then nothing is written.
        """
        event = check_move(self.moves, self.state, target)
        previous, self.state = self.state, str(target)
        history = self.events.model(
            from_state=previous,
            to_state=self.state,
            event=event or "",
            actor=by,
            reason=reason,
            occurred_at=at,
        )
        news = None
        if event is not None and is_announced:
            news = OutboxEvent(kind=event, created_at=at, due_at=at)
        if self._state.adding:
            _insert(self, history, news)
        elif not _write(self, history, news, previous):
            self.state = previous
            raise Overtaken(previous, target)


def _insert(row: Moving, history: models.Model, news: OutboxEvent | None) -> None:
    """Save a row that begins with a move, its history and its announcement."""
    with transaction.atomic(savepoint=False):
        row.save(force_insert=True)
        row.events.add(history, bulk=False)
        if news is not None:
            news.subject_id = row.pk
            news.save(force_insert=True)


def _write(
    row: models.Model, history: models.Model, news: OutboxEvent | None, previous: str
) -> bool:
    """Update the row, insert history and announcement, in one statement; False when it had moved.

    One statement instead of three, because a payment moves three times on the payer's path, and
    because the condition on the state needs no lock to be true.
    """
    table, changes = _table_and_values(row)
    history_table, event = _table_and_values(history)
    owner = f"{type(row).__name__.lower()}_id"
    del event[owner]
    announced, announcement = _announced(news)
    # Every name comes from the models, every value is a parameter.
    statement = f"""
        WITH moved AS (
            UPDATE {table} SET {", ".join(f"{column} = %s" for column in changes)}
             WHERE id = %s AND state = %s
            RETURNING id
        ){announced}
        INSERT INTO {history_table} ({owner}, {", ".join(event)})
        SELECT id, {", ".join(["%s"] * len(event))} FROM moved
    """  # noqa: S608
    with connection.cursor() as cursor:
        values = [*changes.values(), row.pk, previous, *announcement, *event.values()]
        cursor.execute(statement, values)
        return bool(cursor.rowcount == 1)


def _announced(news: OutboxEvent | None) -> tuple[str, list[Any]]:
    """The part of the statement that writes the announcement of what `moved`, and its values."""
    if news is None:
        return "", []
    table, values = _table_and_values(news)
    del values["subject_id"]
    part = f""",
        announced AS (
            INSERT INTO {table} (subject_id, {", ".join(values)})
            SELECT id, {", ".join(["%s"] * len(values))} FROM moved
        )"""  # noqa: S608
    return part, list(values.values())


def _table_and_values(row: models.Model) -> tuple[str, dict[str, Any]]:
    """A row's table and its values by column, without its key and what PostgreSQL fills in."""
    options = row._meta  # noqa: SLF001
    return options.db_table, {
        str(field.column): field.get_db_prep_save(field.pre_save(row, add=False), connection)
        for field in options.concrete_fields
        if not (field.primary_key or field.generated or field.has_db_default())
    }
