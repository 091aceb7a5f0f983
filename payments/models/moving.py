"""A row whose state changes along a table, each change written into its history (design §3.8)."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models

from payments.states import Moves, check_move


class Moving(models.Model):
    """What has a `state`, a table of `moves` and a history of `events`."""

    moves: ClassVar[Moves]
    state: Any
    events: Any

    class Meta:
        abstract = True

    def move_to(self, target: str, *, at: datetime, by: str, reason: str = "") -> str | None:
        """Change the state, write history; returns the event to announce, None for none.

        The caller holds the row's lock. Saves every field that was set before the move. Raises
        IllegalMove.
        """
        event = check_move(self.moves, self.state, target)
        previous, self.state = self.state, str(target)
        self.save()
        self.events.create(
            from_state=previous,
            to_state=self.state,
            event=event or "",
            actor=by,
            reason=reason,
            occurred_at=at,
        )
        return event
