"""Double entry: every won on any screen can be added up again from here (design §5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pgtrigger
from django.db import connection, models
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from payments import money
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
        # The operator cancelled on its side; the refund says so, nobody here asked for it.
        CORRECTION = "CORRECTION"
        PAYOUT = "PAYOUT"
        REMITTANCE = "REMITTANCE"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, null=True, blank=True)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="postings", null=True, blank=True
    )
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, related_name="postings", null=True, blank=True
    )
    # What a posting without a payment is about: `payout:12`, `remittance:3`.
    source = models.CharField(max_length=40, blank=True)
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="ledger_once",
                fields=["kind", "payment", "refund", "source"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="ledger_has_subject", condition=Q(payment__isnull=False) ^ ~Q(source="")
            ),
        ]
        indexes = [models.Index(name="ledger_merchant_time", fields=["merchant", "posted_at"])]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.kind} {self.payment_id or self.source}"

    @classmethod
    def post(
        cls,
        kind: "LedgerTransaction.Kind",
        lines: Iterable[Line],
        *,
        at: datetime,
        payment: Payment | None = None,
        refund: Refund | None = None,
        merchant: Merchant | None = None,
        source: str = "",
    ) -> None:
        """Write a posting about a payment, or about a `source`.

        Zero lines are left out; a posting twice is refused by the database. One statement for both
        tables: it is on the payer's path.
        """
        written = [line for line in lines if line.amount_won]
        with connection.cursor() as cursor:
            cursor.execute(
                _POST,
                [
                    kind,
                    payment.merchant_id if payment else (merchant.pk if merchant else None),
                    payment.pk if payment else None,
                    refund.pk if refund else None,
                    source,
                    at,
                    [line.account.value for line in written],
                    [line.amount_won for line in written],
                ],
            )

    @classmethod
    def refund_lines(cls, payment: Payment, amount_won: int, account: Account) -> list[Line]:
        """The reverse of a charge for this much of it, taken off `account`.

        The fee that comes back is a share of the fee that was posted, whatever fees are today.
        Raises money.OverRefund.
        """
        entries = LedgerEntry.objects.filter(transaction__payment=payment)
        left = entries.aggregate(
            **{
                name: -Coalesce(Sum("amount_won", filter=Q(account=name)), 0)
                for name in (Account.MERCHANT_PAYABLE, Account.FEE_REVENUE, Account.VAT_PAYABLE)
            }
        )
        fee_left = money.Fee(left[Account.FEE_REVENUE], left[Account.VAT_PAYABLE])
        left_won = left[Account.MERCHANT_PAYABLE] + fee_left.total_won
        fee = money.fee_share(fee_left, left_won, amount_won)
        return [
            Line(Account.MERCHANT_PAYABLE, amount_won - fee.total_won),
            Line(Account.FEE_REVENUE, fee.fee_won),
            Line(Account.VAT_PAYABLE, fee.fee_vat_won),
            Line(account, -amount_won),
        ]


_POST = """
    WITH posting AS (
        INSERT INTO payments_ledgertransaction
            (kind, merchant_id, payment_id, refund_id, source, posted_at)
        VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
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
