"""Rows of the money. One module a subject; import from here."""

from payments.models.alerts import Alert
from payments.models.billing import BillingNotice
from payments.models.calls import CarrierCall
from payments.models.inbound import InboundEvent
from payments.models.ledger import Account, LedgerEntry, LedgerTransaction
from payments.models.limits import LimitHold, LimitTerm, LimitUse
from payments.models.lines import LineChange, LineRules
from payments.models.merchants import Merchant
from payments.models.messages import Message, MessageDelivery
from payments.models.outbox import OutboxEvent
from payments.models.payments import CodeChallenge, Consent, Payment, PaymentEvent
from payments.models.proposals import Proposal
from payments.models.queues import FailedRefund, Review
from payments.models.reconciliation import Difference, OperatorLine, Reconciliation
from payments.models.refunds import Refund, RefundEvent
from payments.models.retention import RetentionProof
from payments.models.risk import RiskCount, RiskDecision, RiskRule, SecondFactor
from payments.models.settlement import (
    Category,
    FeeTerm,
    Payout,
    PayoutCall,
    PayoutEvent,
    Remittance,
    Settlement,
    SettlementHold,
    SettlementLine,
    SettlementTerms,
)
from payments.models.verifications import PhoneVerification

__all__ = [
    "Account",
    "Alert",
    "BillingNotice",
    "CarrierCall",
    "Category",
    "CodeChallenge",
    "Consent",
    "Difference",
    "FailedRefund",
    "FeeTerm",
    "InboundEvent",
    "LedgerEntry",
    "LedgerTransaction",
    "LimitHold",
    "LimitTerm",
    "LimitUse",
    "LineChange",
    "LineRules",
    "Merchant",
    "Message",
    "MessageDelivery",
    "OperatorLine",
    "OutboxEvent",
    "Payment",
    "PaymentEvent",
    "Payout",
    "PayoutCall",
    "PayoutEvent",
    "PhoneVerification",
    "Proposal",
    "Reconciliation",
    "Refund",
    "RefundEvent",
    "Remittance",
    "RetentionProof",
    "Review",
    "RiskCount",
    "RiskDecision",
    "RiskRule",
    "SecondFactor",
    "Settlement",
    "SettlementHold",
    "SettlementLine",
    "SettlementTerms",
]
