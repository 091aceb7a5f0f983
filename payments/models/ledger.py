"""Double entry: every won on any screen can be added up again from here (design §5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pgtrigger
from django.db import connection, models

from payments.models.append_only import append_only
from payments.models.merchants import Merchant
from payments.models.payments import Payment
from payments.models.refunds import Refund


class Account(models.TextChoices):
    """Whose money; debit is positive, credit negative."""

    CARRIER_RECEIVABLE = "CARRIER_RECEIVABLE"
    MERCHANT_PAYABLE = "MERCHANT_PAYABLE"
    FEE_REVENUE = "FEE_REVENUE"
    VAT_PAYABLE = "VAT_PAYABLE"
    REFUND_CLEARING = "REFUND_CLEARING"
    BANK = "BANK"


@dataclass(frozen=True)
class Line:
    """One line of a posting: won, debit positive."""

    account: Account
    amount_won: int


class LedgerTransaction(models.Model):
    """A posting; its entries add up to zero, or the database refuses the commit."""

    class Kind(models.TextChoices):
        """What happened."""

        PAID = "PAID"
        CARRIER_CANCEL = "CARRIER_CANCEL"
        BANK_REFUND = "BANK_REFUND"
        BANK_SETTLED = "BANK_SETTLED"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="postings")
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, related_name="postings", null=True, blank=True
    )
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="ledger_once",
                fields=["kind", "payment", "refund"],
                nulls_distinct=False,
            ),
        ]
        indexes = [models.Index(name="ledger_merchant_time", fields=["merchant", "posted_at"])]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.kind} {self.payment_id}"

    @classmethod
    def post(
        cls,
        kind: "LedgerTransaction.Kind",
        lines: Iterable[Line],
        *,
        payment: Payment,
        at: datetime,
        refund: Refund | None = None,
    ) -> None:
        """Write a posting. Zero lines are left out; a posting twice is refused by the database.

        One statement for both tables: it is on the payer's path.
        """
        written = [line for line in lines if line.amount_won]
        with connection.cursor() as cursor:
            cursor.execute(
                _POST,
                [
                    kind,
                    payment.merchant_id,
                    payment.pk,
                    refund.pk if refund else None,
                    at,
                    [line.account.value for line in written],
                    [line.amount_won for line in written],
                ],
            )


_POST = """
    WITH posting AS (
        INSERT INTO payments_ledgertransaction (kind, merchant_id, payment_id, refund_id, posted_at)
        VALUES (%s, %s, %s, %s, %s) RETURNING id
    )
    INSERT INTO payments_ledgerentry (transaction_id, account, amount_won)
    SELECT posting.id, line.account, line.amount_won
      FROM posting, unnest(%s::text[], %s::bigint[]) AS line (account, amount_won)
"""


class LedgerEntry(models.Model):
    """One line of a posting."""

    transaction = models.ForeignKey(
        LedgerTransaction, on_delete=models.PROTECT, related_name="entries"
    )
    account = models.CharField(max_length=24, choices=Account.choices)
    amount_won = models.BigIntegerField()

    class Meta:
        triggers = [
            *append_only(),
            pgtrigger.Trigger(
                name="balances",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                declare=[("total", "bigint")],
                func="""
                    SELECT sum(amount_won) INTO total FROM payments_ledgerentry
                     WHERE transaction_id = NEW.transaction_id;
                    IF total <> 0 THEN
                        RAISE EXCEPTION 'ledger transaction % is off by % won',
                            NEW.transaction_id, total USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_won}"
