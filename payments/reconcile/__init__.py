"""The operators' daily file against our own rows: every difference gets a row and an owner."""

from payments.reconcile.comparing import compare
from payments.reconcile.deciding import AlreadyResolved, resolve, take
from payments.reconcile.fetching import reconcile_due

__all__ = ["AlreadyResolved", "compare", "reconcile_due", "resolve", "take"]
