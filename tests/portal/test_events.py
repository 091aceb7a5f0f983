"""The table that joins money and desk."""

from celery import current_app

from payments import states
from portal import events
from portal.celery import app
from support.states import TICKET_MOVES


def test_every_task_of_the_table_is_registered() -> None:
    app.loader.import_default_modules()

    names = {name for tasks in events.TASKS.values() for name in tasks}
    assert names <= set(current_app.tasks)


def test_every_announced_event_is_in_the_table() -> None:
    moves = (states.PAYMENT_MOVES, states.REFUND_MOVES, states.PAYOUT_MOVES, TICKET_MOVES)

    assert {event for table in moves for event in table.values() if event} <= set(events.TASKS)


def test_every_task_of_the_clock_is_registered() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(current_app.tasks)
