"""Destroying what the desk knows of people, when its time is over.

전자상거래법 시행령 §6 keeps the records of complaints and disputes for three years; after that,
counted from when a case was closed, who it was and every word of it goes. What stays is what the
money needs: that there was a case, of what kind, when, and how it ended. No law asks for the files
beside the words: they go a year after the case was closed, in which its decision may still be
questioned. Only those of an objection are the evidence in a dispute, and stay with its record.

The rules are run by `payments.retention`, whose proofs they leave. Nothing goes that an open
request is about: one about the same payment, or one that the case was merged into.
"""

from typing import Any

from django.db.models import DateTimeField, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest

from payments.models import Message
from payments.models.payments import new_token
from payments.retention import Rule, blank, years_ago
from support.models import (
    Attachment,
    AttachmentBody,
    InternalNote,
    Rating,
    Reply,
    Ticket,
    TicketEvent,
    TicketMessage,
)
from support.models.tickets import FORGOTTEN
from support.states import TICKET_FINAL

_WORDS: tuple[Any, ...] = (TicketMessage, InternalNote, Reply, Rating)


def _since(case: str) -> Any:
    """When a case was last touched, or the one it was merged into; `case` is the path to it."""
    first = "duplicate_of" if case == "pk" else f"{case}__duplicate_of"
    return Greatest(_last(case), _last(first))


def _last(case: str) -> Any:
    events = TicketEvent.objects.filter(ticket=OuterRef(case)).order_by("-occurred_at")
    return Subquery(events.values("occurred_at")[:1], output_field=DateTimeField())


def _merged_into_open(path: str) -> Any:
    return Exists(Ticket.objects.filter(pk=OuterRef(path)).exclude(state__in=TICKET_FINAL))


def _files() -> QuerySet[Attachment]:
    return (
        Attachment.objects.filter(ticket__state__in=TICKET_FINAL)
        .exclude(ticket__kind=Ticket.Kind.OBJECTION)
        .exclude(name_sealed="", key_sealed="")
        .exclude(_merged_into_open("ticket__duplicate_of"))
        .annotate(since=_since("ticket"))
    )


def _forget_files(keys: list[int]) -> None:
    AttachmentBody.objects.filter(pk__in=keys).delete()
    Attachment.objects.filter(pk__in=keys).update(name_sealed="", key_sealed="")


def _cases() -> QuerySet[Ticket]:
    known = ~Q(phone_sealed="", phone_bidx="", phone_last4="", email_sealed="", text="")
    for model in _WORDS:
        known |= Q(Exists(model.objects.filter(ticket=OuterRef("pk")).exclude(text="")))
    return (
        Ticket.objects.filter(known, state__in=TICKET_FINAL)
        .exclude(_merged_into_open("duplicate_of"))
        .annotate(since=_since("pk"))
    )


def _forget_cases(keys: list[int]) -> None:
    cases = Ticket.objects.filter(pk__in=keys)
    _forget_notices(list(cases))
    cases.exclude(decision_reason="").update(decision_reason=FORGOTTEN)
    cases.update(
        phone_sealed="",
        phone_bidx="",
        phone_last4="",
        email_sealed="",
        email_bidx="",
        text="",
        product_text="",
    )
    for case in cases:
        # The address of its page opens nothing any more.
        cases.filter(pk=case.pk).update(token=new_token())
    TicketEvent.objects.filter(ticket__in=keys).exclude(reason="").update(reason="")
    for model in _WORDS:
        model.objects.filter(ticket__in=keys).exclude(text="").update(text="")
    _forget_files(list(Attachment.objects.filter(ticket__in=keys).values_list("pk", flat=True)))


def _forget_notices(cases: list[Ticket]) -> None:
    """The texts and mails about them; a payment's own go with the payment."""
    numbers = "|".join(str(case.pk) for case in cases)
    blank(
        Message.objects.filter(
            kind__startswith="ticket_",
            payment__in=[case.payment_id for case in cases if case.payment_id],
            dedupe_key__regex=rf"^ticket_[a-z_]+:({numbers})(:|$)",
        )
    )


RULES = (
    # Our own figure; 개인정보 보호법 §21: what has served its purpose goes.
    Rule("DESK_FILE", lambda now: years_ago(now, 1), _files, _forget_files, "ticket__payment_id"),
    # 전자상거래법 시행령 §6 ① 4: complaints and disputes, three years.
    Rule("DESK_RECORD", lambda now: years_ago(now, 3), _cases, _forget_cases, "payment_id"),
)
