"""How long the database itself refuses to let go of what was said about a case."""

import pgtrigger

from payments.models.append_only import append_only_but
from support.states import TICKET_FINAL_SQL


def append_only_for_three_years(column: str) -> list[pgtrigger.Trigger]:
    """Written once; blanked at the earliest three years after the case was closed.

    전자상거래법 시행령 §6: the records of complaints and disputes are kept for three years. By the
    database's clock, whatever a program says. A case that was opened again counts from its new end.
    """
    return append_only_but(
        column,
        blank_when=f"""(SELECT state FROM support_ticket WHERE id = OLD.ticket_id)
                IN ({TICKET_FINAL_SQL})
            AND NOT EXISTS (SELECT FROM support_ticketevent event
                             WHERE event.ticket_id = OLD.ticket_id
                               AND event.occurred_at > now() - interval '3 years')""",  # noqa: S608 (names of our own states)
    )
