"""Announcements: what happened and must be told on, and those that got stuck."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import admin_owners, outbox
from payments.admin import chip, column, heap_filter
from payments.admin_steps import NOT_OFFERED, Step, Stepping, Unable
from payments.models import OutboxEvent
from payments.standing import Standing
from payments.templatetags.won import moment

_SUBJECTS = {
    "payment": gettext_lazy("결제"),
    "refund": gettext_lazy("환불"),
    "payout": gettext_lazy("지급"),
    "ticket": gettext_lazy("요청"),
}
_HAPPENED = {
    "paid": gettext_lazy("완료"),
    "declined": gettext_lazy("거절"),
    "expired": gettext_lazy("시간 지남"),
    "canceled": gettext_lazy("그만둠"),
    "unknown": gettext_lazy("확인 중"),
    "reversed": gettext_lazy("되돌림"),
    "review": gettext_lazy("담당자 확인 중"),
    "succeeded": gettext_lazy("완료"),
    "account_needed": gettext_lazy("계좌 필요"),
    "failed": gettext_lazy("실패"),
    "withdrawn": gettext_lazy("거둠"),
    "corrected": gettext_lazy("통신사가 취소함"),
    "received": gettext_lazy("접수"),
    "approved": gettext_lazy("승인"),
    "rejected": gettext_lazy("거절"),
    "resolved": gettext_lazy("완료"),
    "duplicate": gettext_lazy("같은 요청으로 닫음"),
    "asked": gettext_lazy("고객에게 물음"),
    "reopened": gettext_lazy("다시 엶"),
}


def _at(name: str) -> Any:
    def read(row: OutboxEvent) -> Any:
        at = getattr(row, name)
        return format_html('<span class="nowrap">{}</span>', moment(at)) if at else None

    return read


def _sent(row: OutboxEvent) -> Standing:
    if row.done_at:
        return Standing(_("보냄"), "done")
    return Standing(_("보내지 못함"), "bad") if row.dead_at else Standing(_("보내는 중"), "wait")


def _event(kind: str) -> str:
    subject, _dot, happened = kind.partition(".")
    if subject not in _SUBJECTS or happened not in _HAPPENED:
        return kind
    return f"{_SUBJECTS[subject]} {_HAPPENED[happened]}"


def _owner(event: OutboxEvent) -> str:
    return admin_owners.owner_of(f"event:{event.pk}") if event.dead_at else ""


def _again(row: OutboxEvent, *, reason: str, by: str, now: datetime, **_seen: Any) -> str:
    try:
        outbox.send_again(row.pk, reason=reason, by=by, now=now)
    except outbox.NotDead:
        raise Unable(_("이미 보냈거나 보내는 중이에요.")) from None
    return _("다시 보내고 있어요.")


@admin.register(OutboxEvent)
class OutboxEventAdmin(Stepping):
    """Announcements, newest first; those that were given up can be sent again."""

    list_display = (
        column("what", gettext_lazy("일"), lambda row: _event(row.kind)),
        column("subject", gettext_lazy("대상 번호"), lambda row: row.subject_id),
        column("standing", gettext_lazy("상태"), lambda row: chip(_sent(row))),
        column("attempts", gettext_lazy("시도"), lambda row: row.attempts),
        column("responsible", gettext_lazy("맡은 사람"), _owner),
        column("written", gettext_lazy("쓴 때"), _at("created_at")),
        column("done", gettext_lazy("마친 때"), _at("done_at")),
    )
    list_filter = (
        heap_filter(
            gettext_lazy("상태"),
            gettext_lazy("보내지 못함"),
            gettext_lazy("나머지"),
            Q(dead_at__isnull=False),
            at_first="all",
        ),
    )
    details = (
        *list_display,
        column("problem", gettext_lazy("막힌 까닭(원문)"), lambda row: row.problem),
    )
    about = "event"
    steps = (
        Step(
            name="again",
            title=gettext_lazy("다시 보내기"),
            permission="payments.change_outboxevent",
            means=lambda row: _(
                "이 일에 따라오는 것을 처음부터 다시 해요. 이미 간 문자는 두 번 가지 않아요."
            ),
            closed=lambda row: None if row.dead_at else NOT_OFFERED,
            take=_again,
        ),
    )
