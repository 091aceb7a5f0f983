"""Who at the desk may do what: one table, which the database is made to agree with.

Groups are not clicked together. After every migration each role's group has exactly what its
column says; what stands nowhere here, only a superuser may do.
"""

from typing import Any

from django.contrib.auth.models import Group, Permission

AGENT, LEAD, FINANCE, OPERATOR = "상담원", "상담팀장", "정산 담당", "운영자"
_LETTERS = {"A": AGENT, "L": LEAD, "F": FINANCE, "O": OPERATOR}

# Permission → who holds it: Agent, Lead, Finance, Operator.
MATRIX = {
    # Cases
    "support.view_ticket": "AL",
    "support.change_ticket": "AL",
    "support.reveal_ticket": "AL",
    "support.assign_ticket": "L",
    "support.view_inboundmail": "AL",
    "support.view_dayexception": "LO",
    "support.add_dayexception": "LO",
    "support.change_dayexception": "LO",
    "support.delete_dayexception": "LO",
    "support.view_board": "L",
    "support.view_macro": "AL",
    "support.add_macro": "L",
    "support.change_macro": "L",
    "support.delete_macro": "L",
    "support.view_auditentry": "LO",
    # Payments and what was told about them
    "payments.view_payment": "ALFO",
    "payments.view_refund": "ALFO",
    "payments.view_message": "ALO",
    "payments.resend_message": "LO",
    # Risk
    "payments.view_riskdecision": "ALO",
    "payments.view_riskrule": "LO",
    "payments.add_riskrule": "O",
    "payments.change_riskrule": "O",
    # Shops and their money
    "payments.view_merchant": "LFO",
    "payments.add_merchant": "O",
    "payments.change_merchant": "O",
    "payments.view_ledgertransaction": "LF",
    "payments.view_settlement": "LF",
    "payments.view_payout": "LF",
    "payments.change_payout": "F",
    "payments.view_settlementhold": "LF",
    "payments.add_settlementhold": "LF",
    "payments.change_settlementhold": "LF",
    "payments.view_remittance": "F",
    "payments.add_remittance": "F",
    "payments.view_feeterm": "F",
    "payments.add_feeterm": "F",
    "payments.view_settlementterms": "F",
    "payments.change_settlementterms": "F",
    "payments.view_reconciliation": "LFO",
    "payments.view_difference": "LFO",
    "payments.change_difference": "LF",
    # What needs a person
    "payments.view_alert": "LFO",
    "payments.change_alert": "LFO",
    "payments.view_review": "LFO",
    "payments.change_review": "O",
    "payments.view_failedrefund": "LFO",
    "payments.change_failedrefund": "FO",
    "payments.view_limitterm": "LFO",
    "payments.add_limitterm": "O",
    # The machine
    "payments.change_outboxevent": "O",
    "portal.view_verification": "LFO",
    "portal.add_verification": "O",
    "payments.view_outboxevent": "LO",
    "payments.view_carriercall": "LO",
    "payments.view_retentionproof": "LO",
    # People
    "portal.view_user": "LO",
    "portal.add_user": "O",
    "portal.change_user": "O",
    "portal.reset_secondfactor": "LO",
}


def of(role: str) -> list[str]:
    """The permissions of a role, as `app.codename`."""
    return [label for label, letters in MATRIX.items() if role in map(_LETTERS.get, letters)]


def agree(**_: Any) -> None:
    """Make the groups what the table says. Receiver of the last migration signal."""
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for role in _LETTERS.values():
        group, _created = Group.objects.get_or_create(name=role)
        group.permissions.set([known[label] for label in of(role) if label in known])
