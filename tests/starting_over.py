"""Between two tests that commit: the tables as the migrations left them, in milliseconds.

Django would truncate every table and send the signal that fills the first rows again: half a second
each time, for tests that mostly wrote a dozen rows. Here one function of the database empties what
is not empty, and puts back the first rows where a test changed them.
"""

from typing import Any

from django.db import connection
from django.test import TransactionTestCase

_KEPT = "starting_rows"
# No trigger and no foreign key speaks up: what is written once may go, and in any order.
_BODY = """
CREATE FUNCTION {kept}.start_over() RETURNS void LANGUAGE plpgsql
SET session_replication_role = replica AS $$
BEGIN
    {steps}
END $$
"""
_EMPTY = "IF EXISTS (SELECT FROM {table}) THEN DELETE FROM {table}; END IF;"
_PUT_BACK = """
IF EXISTS (TABLE {table} EXCEPT ALL TABLE {kept}.{table})
OR EXISTS (TABLE {kept}.{table} EXCEPT ALL TABLE {table}) THEN
    DELETE FROM {table};
    INSERT INTO {table} TABLE {kept}.{table};
END IF;
"""


def prepare() -> None:
    """Remember the rows of a database nobody has written to yet, and replace Django's flush."""
    with connection.cursor() as cursor:
        tables = sorted(set(connection.introspection.table_names(cursor)) - {"django_migrations"})
        cursor.execute(f"DROP SCHEMA IF EXISTS {_KEPT} CASCADE; CREATE SCHEMA {_KEPT}")
        steps = []
        for table in tables:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
            if cursor.fetchone() == (True,):
                cursor.execute(f"CREATE TABLE {_KEPT}.{table} AS TABLE {table}")
                steps.append(_PUT_BACK.format(table=table, kept=_KEPT))
            else:
                steps.append(_EMPTY.format(table=table))
        cursor.execute(_BODY.format(kept=_KEPT, steps="\n".join(steps)))
    TransactionTestCase._fixture_teardown = _start_over  # type: ignore[attr-defined]


def _start_over(_test: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_KEPT}.start_over()")
