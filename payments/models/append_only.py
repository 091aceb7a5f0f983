"""The triggers that keep written history as it was written."""

from collections.abc import Iterator
from contextlib import contextmanager

import pgtrigger
from django.db import connection, transaction


def append_only() -> list[pgtrigger.Trigger]:
    """Refuse UPDATE and DELETE: corrections are new rows (design §3.9)."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
    ]


def append_only_until_forgotten(column: str, *, dated: str) -> list[pgtrigger.Trigger]:
    """As `append_only`, but retention may blank one text column of a payment's row in the end.

    By the database's clock not before the law allows (정보통신망법 시행령 §66의7).
    """
    return append_only_but(
        column,
        blank_when=f"""OLD.{dated} < now() - (CASE
                        WHEN (SELECT amount_won FROM payments_payment WHERE id = OLD.payment_id)
                            > 10000 THEN interval '5 years' ELSE interval '1 year' END)""",  # noqa: S608 (names of our own columns)
    )


def append_only_but(column: str, *, blank_when: str) -> list[pgtrigger.Trigger]:
    """As `append_only`, but retention may blank one text column where `blank_when` (SQL) holds.

    Only inside `redacting()`, only to the empty text, only with every other column as it was.
    """
    return [
        pgtrigger.Trigger(
            name="append_only",
            operation=pgtrigger.Update | pgtrigger.Delete,
            when=pgtrigger.Before,
            func=f"""
                IF TG_OP = 'UPDATE'
                    AND current_setting('phonebill.redacting', true) = 'on'
                    AND {blank_when}
                    AND NEW.{column} = ''
                    AND to_jsonb(NEW) - '{column}' = to_jsonb(OLD) - '{column}'
                THEN
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION
                    'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;
            """,
        ),
    ]


@contextmanager
def redacting() -> Iterator[None]:
    """Retention is at work: inside, and inside this transaction only."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("redacting outside a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL phonebill.redacting = 'on'")
        yield
        cursor.execute("SET LOCAL phonebill.redacting = 'off'")
