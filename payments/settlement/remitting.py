"""An operator's money arrives: what it owes us becomes money in the bank."""

from datetime import datetime

from django.db import transaction

from payments.carriers import registry
from payments.models import Account, LedgerTransaction, Remittance
from payments.models.ledger import Line


class Contradiction(Exception):
    """This line of the statement was recorded before, with other values."""


@transaction.atomic
def remit(
    *, carrier: str, amount_won: int, bank_ref: str, received_at: datetime, by: str
) -> Remittance:
    """Record one line of the bank's statement; the same `bank_ref` again changes nothing.

    What an operator pays too much or too little stays on its receivable, to be seen. Raises
    Contradiction and registry.UnknownCarrier.
    """
    code = registry.carrier(carrier).code
    remittance, is_new = Remittance.objects.get_or_create(
        bank_ref=bank_ref,
        defaults={
            "carrier": code,
            "amount_won": amount_won,
            "received_at": received_at,
            "recorded_by": by,
        },
    )
    if is_new:
        LedgerTransaction.post(
            LedgerTransaction.Kind.REMITTANCE,
            [Line(Account.BANK, amount_won), Line(Account.CARRIER_RECEIVABLE, -amount_won)],
            source=f"remittance:{remittance.pk}",
            at=received_at,
        )
    elif (remittance.carrier, remittance.amount_won) != (code, amount_won):
        raise Contradiction(bank_ref)
    return remittance
