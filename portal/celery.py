"""Celery: a clock that says "look at the rows" every few seconds, and workers that do."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_ready
from django.conf import settings
from django.db import connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("phonebill")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """With a receiver Celery leaves logging alone: its own handlers would not mask anything."""


@worker_ready.connect
def _show_life(**_: object) -> None:
    """A worker that takes tasks says so at once, not only at the clock's next round."""
    app.tasks["portal.tasks.heartbeat"]()
    connection.close()


def _every(task: str, seconds: int) -> dict[str, object]:
    # A look nobody came to in time is dropped: the next one sees the same rows.
    return {
        "task": task,
        "schedule": seconds,
        "options": {"expires": max(10, seconds * 5)},
    }


app.conf.beat_schedule = {
    # What happened is passed on to whoever must know.
    "announce": _every("portal.tasks.announce", settings.SWEEP_SECONDS),
    # Texts and mails that are due go out.
    "send-messages": _every("payments.tasks.send_messages", settings.SWEEP_SECONDS),
    # Replies nobody took back go to the messages.
    "send-replies": _every("support.tasks.send_replies", settings.SWEEP_SECONDS),
    # Mails to the customer centre become cases and answers.
    "read-mail": _every("support.tasks.read_mail", settings.INBOX_SECONDS),
    # Files that came in are looked at for viruses.
    "scan-files": _every("support.tasks.scan_files", settings.SWEEP_SECONDS * 5),
    # Steps on many cases at once go on.
    "work-bulk": _every("support.tasks.work_bulk", settings.SWEEP_SECONDS),
    # Refunds that are due go to the operator or the bank.
    "send-refunds": _every("payments.tasks.send_refunds", settings.SWEEP_SECONDS),
    # Payments nobody knows the end of are looked into; windows that ran out are closed.
    "resolve-payments": _every("payments.tasks.resolve_payments", settings.SWEEP_SECONDS),
    # Whatever needs a person gets its alert.
    "call-people": _every("payments.tasks.call_people", settings.SWEEP_SECONDS * 10),
    # Settlement periods that are over are closed.
    "close-settlements": _every("payments.tasks.close_settlements", 60),
    # Payouts that are due go to the bank.
    "send-payouts": _every("payments.tasks.send_payouts", settings.SWEEP_SECONDS * 5),
    # The operators' file of each day that is over is compared with our rows.
    "reconcile-days": _every("payments.tasks.reconcile_days", 60),
    # Payments of last month are told of again, with the bill.
    "send-billing-notices": _every("payments.tasks.send_billing_notices", 60),
    # Personal data whose time is over is destroyed. Hourly, because a beat that restarts every day
    # would never come to a daily task.
    "purge": _every("portal.tasks.purge", 3600),
    # The worker shows that it lives.
    "heartbeat": _every("portal.tasks.heartbeat", 5),
}
