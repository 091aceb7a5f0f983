"""What must be true of the rows at any time, as SQL that finds offenders (reliability §4).

Each query returns one text a row: who breaks the rule. Those that need a moment to come true leave
whoever is on the way their time, so that all of them may run beside a working portal.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from payments.states import PAYMENT_FINAL, PAYMENT_MOVES, PAYOUT_MOVES, REFUND_MOVES, Moves


@dataclass(frozen=True)
class Invariant:
    """One rule. `code` is that of reliability §4; `sql` selects the offenders' names."""

    code: str
    says: str
    sql: str


@dataclass(frozen=True)
class Violation:
    """A rule, and somebody who breaks it."""

    invariant: Invariant
    offender: str


@dataclass(frozen=True)
class History:
    """A table with states and the table of its moves.

    With `has_lines` the moves lie among lines of what else happened, which stay in their state.
    """

    name: str
    table: str
    events: str
    key: str
    born: str
    moves: Moves
    has_lines: bool = False


@dataclass(frozen=True)
class Check:
    """A rule that was looked at: who breaks it, and how long the look took."""

    invariant: Invariant
    offenders: list[str]
    seconds: float


def violations(invariants: Iterable[Invariant]) -> list[Violation]:
    """Every violation there is, of one moment."""
    return [
        Violation(check.invariant, offender)
        for check in checked(invariants)
        for offender in check.offenders
    ]


def checked(invariants: Iterable[Invariant]) -> list[Check]:
    """Every rule looked at, all of one moment."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return [_checked(invariant) for invariant in invariants]


def _checked(invariant: Invariant) -> Check:
    started = time.perf_counter()
    found = offenders(invariant)
    return Check(invariant, found, time.perf_counter() - started)


def offenders(invariant: Invariant) -> list[str]:
    """Who breaks this rule."""
    with connection.cursor() as cursor:
        cursor.execute(invariant.sql)
        return [str(row[0]) for row in cursor.fetchall()]


def of_history(history: History) -> list[Invariant]:
    """What holds of every table with states: known moves, one chain, which ends at the state."""
    moves = ", ".join(
        f"('{current}', '{target}', '{event or ''}')"
        for (current, target), event in sorted(history.moves.items())
    )
    name, table, events, key = history.name, history.table, history.events, history.key
    is_move = "from_state <> to_state" if history.has_lines else "true"
    # Names and states come from the code, nothing from outside.
    return [
        Invariant(
            f"I12 {name} moves",
            f"a {name} moves along its table only, announcing what the table says",
            f"""
            SELECT '{name} ' || {key} || ': ' || from_state || ' → ' || to_state FROM {events}
             WHERE (from_state, to_state, event) NOT IN (VALUES {moves}) AND {is_move}
            """,  # noqa: S608
        ),
        Invariant(
            f"I12 {name} chain",
            f"each move of a {name} begins where the one before it ended",
            f"""
            SELECT '{name} ' || {key} FROM (
                SELECT {key}, from_state,
                       lag(to_state, 1, '{history.born}') OVER (PARTITION BY {key} ORDER BY id) came
                  FROM {events}) moved
             WHERE from_state <> came
            """,  # noqa: S608
        ),
        Invariant(
            f"I12 {name} state",
            f"a {name} is where its last move led",
            f"""
            SELECT '{name} ' || id FROM {table}
             WHERE state <> coalesce((SELECT to_state FROM {events}
                                       WHERE {key} = {table}.id ORDER BY id DESC LIMIT 1),
                                     '{history.born}')
            """,  # noqa: S608
        ),
        Invariant(
            f"I37 {name}",
            f"the moves of a {name} never go back in time",
            f"""
            SELECT '{name} ' || {key} FROM (
                SELECT {key}, occurred_at,
                       lag(occurred_at) OVER (PARTITION BY {key} ORDER BY id) came FROM {events}
            ) moved
             WHERE occurred_at < came - interval '1 second'
            """,  # noqa: S608
        ),
    ]


_FINAL = ", ".join(f"'{state}'" for state in sorted(PAYMENT_FINAL))
# What moves a merchant's money because of a payment: as payments.settlement closes it.
_SETTLED = "'PAID', 'CARRIER_CANCEL', 'BANK_REFUND', 'CORRECTION'"
INVARIANTS = [
    Invariant(
        "I1",
        "every posting has two entries or more and adds up to zero",
        """
        SELECT 'posting ' || posting.id FROM payments_ledgertransaction posting
          LEFT JOIN payments_ledgerentry entry ON entry.transaction_id = posting.id
         GROUP BY posting.id HAVING coalesce(sum(entry.amount_won), 0) <> 0 OR count(entry.id) < 2
        """,
    ),
    Invariant(
        "I2",
        "the whole ledger is zero",
        """
        SELECT sum(amount_won) || ' won' FROM payments_ledgerentry HAVING sum(amount_won) <> 0
        """,
    ),
    Invariant(
        "I3",
        "a PAID payment has one charge of exactly its amount, nobody else has one",
        """
        SELECT payment.reference FROM payments_payment payment
          LEFT JOIN payments_ledgertransaction posting
            ON posting.payment_id = payment.id AND posting.kind = 'PAID'
          LEFT JOIN payments_ledgerentry entry
            ON entry.transaction_id = posting.id AND entry.account = 'CARRIER_RECEIVABLE'
         GROUP BY payment.id
        HAVING (payment.state = 'PAID') <> (count(entry.id) = 1)
            OR count(entry.id) > 0 AND sum(entry.amount_won) <> payment.amount_won
        """,
    ),
    Invariant(
        "I4",
        "what was given back and what is on its way is not more than was paid",
        """
        SELECT payment.reference FROM payments_payment payment
          JOIN payments_refund refund ON refund.payment_id = payment.id
         WHERE refund.state NOT IN ('FAILED', 'WITHDRAWN')
         GROUP BY payment.id HAVING sum(refund.amount_won) > payment.amount_won
        """,
    ),
    Invariant(
        "I4 posted",
        "a refund that succeeded is posted with its amount, nobody else is",
        """
        SELECT 'refund ' || refund.id FROM payments_refund refund
          LEFT JOIN payments_ledgertransaction posting
            ON posting.refund_id = refund.id AND posting.kind <> 'BANK_SETTLED'
          LEFT JOIN payments_ledgerentry entry
            ON entry.transaction_id = posting.id
           AND entry.account IN ('CARRIER_RECEIVABLE', 'REFUND_CLEARING')
         GROUP BY refund.id
        HAVING (refund.state = 'SUCCEEDED') <> (count(entry.id) = 1)
            OR count(entry.id) > 0 AND -sum(entry.amount_won) <> refund.amount_won
        """,
    ),
    Invariant(
        "I4 whole",
        "of a payment given back in whole, by however many parts, nobody has earned a won",
        """
        SELECT payment.reference FROM payments_payment payment
          JOIN payments_ledgertransaction posting ON posting.payment_id = payment.id
          JOIN payments_ledgerentry entry ON entry.transaction_id = posting.id
         WHERE entry.account IN ('MERCHANT_PAYABLE', 'FEE_REVENUE', 'VAT_PAYABLE')
           AND payment.amount_won = (SELECT sum(amount_won) FROM payments_refund
                                      WHERE payment_id = payment.id AND state = 'SUCCEEDED')
         GROUP BY payment.id, entry.account HAVING sum(entry.amount_won) <> 0
        """,
    ),
    Invariant(
        "I5",
        "nothing is left on the clearing account",
        """
        SELECT 'refund ' || posting.refund_id FROM payments_ledgerentry entry
          JOIN payments_ledgertransaction posting ON posting.id = entry.transaction_id
         WHERE entry.account = 'REFUND_CLEARING'
         GROUP BY posting.refund_id HAVING sum(entry.amount_won) <> 0
        """,
    ),
    Invariant(
        "I7",
        "an order has one live payment at most",
        """
        SELECT order_no FROM payments_payment
         WHERE state NOT IN ('DECLINED', 'EXPIRED', 'CANCELED', 'REVERSED')
         GROUP BY merchant_id, order_no HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I10",
        "a charge was confirmed: by a right code within five tries, or by the link in the text",
        """
        SELECT reference FROM payments_payment payment
         WHERE state = 'PAID' AND NOT EXISTS (
               SELECT FROM payments_codechallenge challenge
                WHERE challenge.payment_id = payment.id AND challenge.attempts <= 5)
            OR state = 'PAID' AND NOT EXISTS (
               SELECT FROM payments_carriercall confirm
                WHERE confirm.payment_id = payment.id AND confirm.kind = 'CONFIRM'
                  AND confirm.state IN ('OK', 'RESOLVED'))
        """,
    ),
    Invariant(
        "I10 tries",
        "no code was sent to the operator that was not counted as a try",
        """
        SELECT payment.reference FROM payments_payment payment
          JOIN payments_codechallenge challenge ON challenge.payment_id = payment.id
          JOIN payments_carriercall call
            ON call.payment_id = payment.id AND call.kind = 'VALIDATE'
         GROUP BY payment.id, challenge.attempts HAVING count(*) > challenge.attempts
        """,
    ),
    Invariant(
        "I10 risk",
        "nobody was charged whom a risk rule refused last, or who still owed a second factor",
        """
        SELECT payment.reference FROM payments_payment payment
          JOIN LATERAL (SELECT outcome FROM payments_riskdecision
                         WHERE payment_id = payment.id ORDER BY id DESC LIMIT 1) last ON true
          LEFT JOIN payments_secondfactor factor ON factor.payment_id = payment.id
         WHERE payment.state = 'PAID'
           AND (last.outcome = 'REFUSE' OR last.outcome = 'SECOND_FACTOR'
                AND (factor.proven_at IS NULL OR factor.proven_bidx <> payment.phone_bidx
                     AND payment.phone_bidx <> ''))
        """,
    ),
    Invariant(
        "I11 sum",
        "what is taken of a limit is what its payments hold",
        """
        SELECT use.scope || ' ' || use.period FROM payments_limituse use
          LEFT JOIN payments_limithold hold ON hold.use_id = use.id
         GROUP BY use.id HAVING use.used_won <> coalesce(sum(hold.amount_won), 0)
        """,
    ),
    Invariant(
        "I11 held",
        "a payment that ended without a charge holds nothing, one that was charged holds its month",
        """
        SELECT payment.reference FROM payments_payment payment
          LEFT JOIN payments_limithold hold ON hold.payment_id = payment.id
          LEFT JOIN payments_limituse use ON use.id = hold.use_id AND use.scope = 'LINE_MONTH'
         WHERE payment.state IN ('DECLINED', 'EXPIRED', 'CANCELED', 'REVERSED')
           AND hold.id IS NOT NULL
            OR payment.state = 'PAID' AND use.id IS NOT NULL
           AND (use.key <> payment.phone_bidx AND payment.phone_bidx <> ''
                AND use.key NOT LIKE 'forgotten:%' OR use.period <> payment.billing_month)
        """,
    ),
    Invariant(
        "I14",
        "whatever is not at its end is looked at again, and was looked at in time",
        f"""
        SELECT reference FROM payments_payment
         WHERE state NOT IN ({_FINAL}, 'REVIEW')
           AND (check_at IS NULL OR check_at < now() - interval '2 minutes')
        """,  # noqa: S608
    ),
    Invariant(
        "I15",
        "nothing is UNKNOWN for an hour without a person",
        """
        SELECT reference FROM payments_payment
         WHERE state = 'UNKNOWN' AND unknown_at < now() - interval '60 minutes'
        """,
    ),
    Invariant(
        "I16",
        "a call whose end is not known is still being looked into",
        """
        SELECT call.kind || ' of ' || payment.reference FROM payments_carriercall call
          JOIN payments_payment payment ON payment.id = call.payment_id
          LEFT JOIN payments_refund refund ON refund.id = call.refund_id
         WHERE call.state IN ('SENT', 'UNKNOWN') AND call.sent_at < now() - interval '2 minutes'
           AND call.kind IN ('PREPARE', 'CONFIRM', 'REVERSE', 'REFUND', 'PAYOUT')
           AND payment.check_at IS NULL AND payment.state <> 'REVIEW'
           AND (refund.id IS NULL OR refund.state NOT IN ('SCHEDULED', 'SENDING', 'UNKNOWN'))
        """,
    ),
    Invariant(
        "I18",
        "a refund that failed says why",
        "SELECT 'refund ' || id FROM payments_refund WHERE state = 'FAILED' AND failure_code = ''",
    ),
    Invariant(
        "I20",
        "a refund under way has its time, and was taken up in time",
        """
        SELECT 'refund ' || id FROM payments_refund
         WHERE state IN ('SCHEDULED', 'SENDING', 'UNKNOWN')
           AND (due_at IS NULL OR greatest(due_at, lease_expires_at) < now() - interval '5 minutes')
        """,
    ),
    Invariant(
        "I25",
        "no cancel was sent to a carrier outside the Korean month of its payment",
        """
        SELECT 'refund ' || call.refund_id FROM payments_carriercall call
          JOIN payments_payment payment ON payment.id = call.payment_id
         WHERE call.kind = 'REFUND'
           AND to_char(call.sent_at AT TIME ZONE 'Asia/Seoul', 'YYYY-MM') <> payment.billing_month
        """,
    ),
    Invariant(
        "I26",
        "the end of the month turns no refund into a failure",
        """
        SELECT 'refund ' || id FROM payments_refund
         WHERE state = 'FAILED' AND failure_code = 'CANCEL_MONTH_CLOSED'
        """,
    ),
    Invariant(
        "I27",
        "a refund at the carrier ends ten minutes before the month or earlier",
        """
        SELECT 'refund ' || refund.id FROM payments_refund refund
          JOIN payments_payment payment ON payment.id = refund.payment_id
         WHERE refund.route = 'CARRIER'
           AND (refund.deadline_at IS NULL OR refund.deadline_at > (
                date_trunc('month', payment.paid_at AT TIME ZONE 'Asia/Seoul')
                + interval '1 month' - interval '10 minutes') AT TIME ZONE 'Asia/Seoul')
        """,
    ),
    Invariant(
        "I28",
        "whoever paid has their receipt written",
        """
        SELECT reference FROM payments_payment payment
         WHERE state = 'PAID' AND paid_at < now() - interval '2 minutes'
           AND NOT EXISTS (SELECT FROM payments_message message
                            WHERE message.payment_id = payment.id AND message.kind = 'paid')
        """,
    ),
    Invariant(
        "I29",
        "a message that is done was accepted, and accepted once",
        """
        SELECT 'message ' || message.id FROM payments_message message
          LEFT JOIN payments_messagedelivery delivery
            ON delivery.message_id = message.id AND delivery.outcome = 'ACCEPTED'
         GROUP BY message.id
        HAVING (message.done_at IS NOT NULL) <> (count(delivery.id) > 0) OR count(delivery.id) > 1
        """,
    ),
    Invariant(
        "I30 events",
        "no announcement waits longer than a minute beyond its time or is given up in silence",
        """
        SELECT kind || ' ' || subject_id FROM payments_outboxevent
         WHERE done_at IS NULL AND dead_at IS NULL
           AND greatest(due_at, lease_expires_at) < now() - interval '60 seconds'
            OR dead_at IS NOT NULL AND NOT EXISTS (
               SELECT FROM payments_alert WHERE ref = 'event:' || payments_outboxevent.id)
        """,
    ),
    Invariant(
        "I30 messages",
        "no message waits longer than a minute beyond its time",
        """
        SELECT kind || ' message ' || id FROM payments_message
         WHERE done_at IS NULL AND dead_at IS NULL
           AND greatest(due_at, lease_expires_at) < now() - interval '60 seconds'
        """,
    ),
    Invariant(
        "S1",
        "a merchant is owed what was settled and not paid, and what no settlement has yet",
        f"""
        SELECT 'merchant ' || merchant.slug FROM payments_merchant merchant
         WHERE (SELECT coalesce(-sum(entry.amount_won), 0) FROM payments_ledgerentry entry
                  JOIN payments_ledgertransaction posting ON posting.id = entry.transaction_id
                 WHERE posting.merchant_id = merchant.id AND entry.account = 'MERCHANT_PAYABLE')
            <> (SELECT coalesce(sum(net_won), 0) FROM payments_settlement
                 WHERE merchant_id = merchant.id)
             - (SELECT coalesce(sum(amount_won), 0) FROM payments_payout
                 WHERE merchant_id = merchant.id AND state = 'PAID')
             + (SELECT coalesce(-sum(entry.amount_won), 0) FROM payments_ledgerentry entry
                  JOIN payments_ledgertransaction posting ON posting.id = entry.transaction_id
                  LEFT JOIN payments_settlementline line ON line.transaction_id = posting.id
                 WHERE posting.merchant_id = merchant.id AND entry.account = 'MERCHANT_PAYABLE'
                   AND posting.kind IN ({_SETTLED}) AND line.id IS NULL)
        """,  # noqa: S608
    ),
    Invariant(
        "S2",
        "a settlement is the sum of its lines, late ones apart",
        """
        SELECT 'settlement ' || settlement.id FROM payments_settlement settlement
          LEFT JOIN payments_settlementline line ON line.settlement_id = settlement.id
         GROUP BY settlement.id
        HAVING (settlement.gross_won, settlement.refunds_won, settlement.fee_won,
                settlement.fee_vat_won, settlement.net_won, settlement.late_won)
            <> (coalesce(sum(line.gross_won), 0), coalesce(sum(line.refunds_won), 0),
                coalesce(sum(line.fee_won), 0), coalesce(sum(line.fee_vat_won), 0),
                coalesce(sum(line.net_won), 0),
                coalesce(sum(line.net_won) FILTER (WHERE line.is_late), 0))
        """,
    ),
    Invariant(
        "S3",
        "the line of a settlement is what its posting moved for the merchant",
        """
        SELECT 'posting ' || line.transaction_id FROM payments_settlementline line
          LEFT JOIN payments_ledgerentry entry
            ON entry.transaction_id = line.transaction_id AND entry.account = 'MERCHANT_PAYABLE'
         GROUP BY line.id HAVING line.net_won <> coalesce(-sum(entry.amount_won), 0)
        """,
    ),
    Invariant(
        "S4",
        "no day of a merchant is in two settlements",
        """
        SELECT 'settlement ' || later.id FROM payments_settlement later
          JOIN payments_settlement earlier
            ON earlier.merchant_id = later.merchant_id AND earlier.id <> later.id
           AND earlier.last BETWEEN later.first AND later.last
        """,
    ),
    Invariant(
        "S5",
        "a payout is paid by one transfer of its amount, and one that is not paid by none",
        """
        SELECT 'payout ' || payout.id FROM payments_payout payout
          LEFT JOIN payments_payoutcall call ON call.payout_id = payout.id AND call.state = 'OK'
         GROUP BY payout.id
        HAVING count(call.id) <> (CASE payout.state WHEN 'PAID' THEN 1 ELSE 0 END)
            OR sum(call.amount_won) <> payout.amount_won
        """,
    ),
    Invariant(
        "I23",
        "nothing is settled while its payment is under an objection",
        """
        SELECT 'settlement ' || settlement.id FROM payments_settlementhold hold
          JOIN payments_settlementline line ON line.payment_id = hold.payment_id
          JOIN payments_settlement settlement ON settlement.id = line.settlement_id
         WHERE settlement.closed_at > hold.held_at
           AND settlement.closed_at < coalesce(hold.released_at, 'infinity')
        """,
    ),
    Invariant(
        "I35",
        "a refund and a posting belong to the merchant of their payment",
        """
        SELECT 'refund ' || refund.id FROM payments_refund refund
          JOIN payments_payment payment ON payment.id = refund.payment_id
         WHERE refund.merchant_id <> payment.merchant_id
         UNION ALL
        SELECT 'posting ' || posting.id FROM payments_ledgertransaction posting
          JOIN payments_payment payment ON payment.id = posting.payment_id
         WHERE posting.merchant_id <> payment.merchant_id
        """,
    ),
    *of_history(
        History(
            "payment",
            "payments_payment",
            "payments_paymentevent",
            "payment_id",
            "CREATED",
            PAYMENT_MOVES,
        )
    ),
    *of_history(
        History(
            "refund",
            "payments_refund",
            "payments_refundevent",
            "refund_id",
            "REQUESTED",
            REFUND_MOVES,
        )
    ),
    *of_history(
        History(
            "payout",
            "payments_payout",
            "payments_payoutevent",
            "payout_id",
            "SCHEDULED",
            PAYOUT_MOVES,
        )
    ),
]
