"""What must be true of the desk's rows at any time; see `payments.invariants`."""

from payments.invariants import History, Invariant, of_history
from support.states import TICKET_FINAL_SQL, TICKET_MOVES, UNBORN

INVARIANTS = [
    Invariant(
        "I17",
        "an approved request has a refund that was not taken back",
        """
        SELECT 'ticket ' || ticket.id FROM support_ticket ticket
          LEFT JOIN payments_refund refund ON refund.id = ticket.refund_id
         WHERE ticket.state IN ('APPROVED', 'RESOLVED')
           AND (refund.id IS NULL OR refund.state = 'WITHDRAWN')
        """,
    ),
    Invariant(
        "I21",
        "a request is resolved when its refund arrived, and rejected ones have none",
        """
        SELECT 'ticket ' || ticket.id FROM support_ticket ticket
          JOIN payments_refund refund ON refund.id = ticket.refund_id
         WHERE ticket.state = 'REJECTED'
            OR ticket.state = 'RESOLVED' AND refund.state <> 'SUCCEEDED'
            OR ticket.state <> 'RESOLVED' AND refund.state = 'SUCCEEDED'
           AND refund.confirmed_at < now() - interval '2 minutes'
        """,
    ),
    Invariant(
        "I22",
        "the result was told within fourteen days",
        """
        SELECT 'ticket ' || id FROM support_ticket
         WHERE kind IN ('C', 'O', 'H') AND state NOT IN ('WITHDRAWN', 'DUPLICATE')
           AND coalesce(result_notified_at, now())
               > coalesce(reopened_at, accepted_at) + interval '14 days'
        """,
    ),
    Invariant(
        "I23 objection",
        "while an objection is open, the money of its payment is held",
        f"""
        SELECT 'ticket ' || ticket.id FROM support_ticket ticket
          JOIN payments_payment payment ON payment.id = ticket.payment_id
         WHERE (ticket.kind = 'O' OR ticket.is_priority)
           AND ticket.state NOT IN ({TICKET_FINAL_SQL})
           AND payment.state = 'PAID'
           AND NOT EXISTS (SELECT FROM payments_settlementhold hold
                            WHERE hold.payment_id = payment.id AND hold.released_at IS NULL)
        """,  # noqa: S608 (names of our own states)
    ),
    Invariant(
        "I40 desk",
        "three years after it was closed, nothing is known of who a request was from or said",
        f"""
        SELECT 'ticket ' || ticket.id FROM support_ticket ticket
          LEFT JOIN support_ticket first ON first.id = ticket.duplicate_of_id
         WHERE ticket.state IN ({TICKET_FINAL_SQL})
           AND coalesce(first.state, ticket.state) IN ({TICKET_FINAL_SQL})
           AND NOT EXISTS (SELECT FROM support_ticketevent event
                            WHERE event.ticket_id IN (ticket.id, first.id)
                              -- A week, in which the clock comes to everything.
                              AND event.occurred_at > now() - interval '3 years 7 days')
           AND NOT EXISTS (SELECT FROM support_ticket standing
                            WHERE standing.payment_id = ticket.payment_id
                              AND standing.state NOT IN ({TICKET_FINAL_SQL}))
           AND (ticket.phone_sealed <> '' OR ticket.email_sealed <> '' OR ticket.text <> ''
                OR EXISTS (SELECT FROM support_ticketmessage said
                            WHERE said.ticket_id = ticket.id AND said.text <> ''))
        """,  # noqa: S608 (names of our own states)
    ),
    *of_history(
        History(
            "ticket",
            "support_ticket",
            "support_ticketevent",
            "ticket_id",
            UNBORN,
            TICKET_MOVES,
            has_lines=True,
        )
    ),
]
