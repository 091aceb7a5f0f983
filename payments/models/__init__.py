"""Rows of the money. One module a subject; import from here."""

from payments.models.calls import CarrierCall
from payments.models.inbound import InboundEvent
from payments.models.ledger import Account, LedgerEntry, LedgerTransaction
from payments.models.limits import LimitHold, LimitTerm, LimitUse
from payments.models.merchants import Merchant
from payments.models.messages import Message, MessageDelivery
from payments.models.outbox import OutboxEvent
from payments.models.payments import CodeChallenge, Consent, Payment, PaymentEvent
from payments.models.refunds import Refund, RefundEvent
from payments.models.verifications import PhoneVerification

__all__ = [
    "Account",
    "CarrierCall",
    "CodeChallenge",
    "Consent",
    "InboundEvent",
    "LedgerEntry",
    "LedgerTransaction",
    "LimitHold",
    "LimitTerm",
    "LimitUse",
    "Merchant",
    "Message",
    "MessageDelivery",
    "OutboxEvent",
    "Payment",
    "PaymentEvent",
    "PhoneVerification",
    "Refund",
    "RefundEvent",
]
