"""What follows which announcement: event → names of tasks, called with `subject_id`.

The one place where the money and the desk are joined, so that neither needs to know the other. An
event with nothing behind it is named all the same: the table lists all there are.
"""

TASKS: dict[str, tuple[str, ...]] = {
    "payment.paid": ("payments.tasks.notify_paid",),
    "payment.declined": (),
    "payment.expired": (),
    "payment.canceled": (),
    "payment.unknown": (),
    "payment.reversed": ("payments.tasks.notify_reversed",),
    "payment.review": (),
    # A refund that a request stands behind is told by the desk; the money tells the others.
    "refund.succeeded": (
        "portal.tasks.notify_refunded_without_ticket",
        "support.tasks.resolve_ticket",
    ),
    "refund.account_needed": ("support.tasks.notify_account_needed",),
    "refund.failed": (),
    # The operator cancelled by itself; its daily file said so.
    "refund.corrected": ("portal.tasks.notify_refunded_without_ticket",),
    "refund.withdrawn": (),
    "payout.paid": (),
    "payout.failed": (),
    "line.changed": ("payments.tasks.notify_line_changed",),
    "ticket.received": ("support.tasks.notify_ticket_received",),
    "ticket.approved": ("support.tasks.notify_ticket_approved",),
    "ticket.rejected": ("support.tasks.notify_ticket_rejected",),
    "ticket.answered": ("support.tasks.notify_ticket_answered",),
    "ticket.resolved": (),
    "ticket.withdrawn": (),
    "ticket.duplicate": (),
}
