"""A row whose state changes along a table, each change written into its history (design §3.8)."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import connection, models

from payments.states import Moves, Overtaken, check_move


class Moving(models.Model):
    """What has a `state`, a table of `moves` and a history of `events`."""

    moves: ClassVar[Moves]
    state: Any
    events: Any

    class Meta:
        abstract = True

    def move_to(self, target: str, *, at: datetime, by: str, reason: str = "") -> str | None:
        """Change the state, write history; returns the event to announce, None for none.

        Saves every field that was set before the move. Raises IllegalMove, and Overtaken when the
        row has left the state this object was read in: then nothing is written.
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
        if self._state.adding:
            self.save(force_insert=True)
            self.events.add(history, bulk=False)
        elif not _write(self, history, previous):
            self.state = previous
            raise Overtaken(previous, target)
        return event


def _write(row: models.Model, history: models.Model, previous: str) -> bool:
    """Update the row and insert its history in one statement; False when the row had moved on.

    One statement instead of two, because a payment moves three times on the payer's path, and
    because the condition on the state needs no lock to be true.
    """
    table, changes = _table_and_values(row)
    history_table, event = _table_and_values(history)
    owner = f"{type(row).__name__.lower()}_id"
    del event[owner]
    # Every name comes from the models, every value is a parameter.
    statement = f"""
        WITH moved AS (
            UPDATE {table} SET {", ".join(f"{column} = %s" for column in changes)}
             WHERE id = %s AND state = %s
            RETURNING id
        )
        INSERT INTO {history_table} ({owner}, {", ".join(event)})
        SELECT id, {", ".join(["%s"] * len(event))} FROM moved
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [*changes.values(), row.pk, previous, *event.values()])
        return bool(cursor.rowcount == 1)


def _table_and_values(row: models.Model) -> tuple[str, dict[str, Any]]:
    """A row's table and its values by column, without its key and what PostgreSQL fills in."""
    options = row._meta  # noqa: SLF001
    return options.db_table, {
        str(field.column): field.get_db_prep_save(field.pre_save(row, add=False), connection)
        for field in options.concrete_fields
        if not (field.primary_key or field.generated or field.has_db_default())
    }
