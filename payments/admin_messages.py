"""What we told people, for agents to look up: how it stands, every try, and sending it again.

Addresses are masked, codes and signed links are not shown.
"""

import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import deliveries, encryption, searching, standing
from payments.admin import LookOnly, chip, choice_filter, column
from payments.admin_steps import NOT_OFFERED, Step, Stepping, Unable
from payments.messengers import kinds, links
from payments.messengers.kinds import Owner
from payments.models import Message, MessageDelivery, RetentionProof
from payments.standing import Standing
from payments.templatetags.won import moment, number

_CHANNELS = {"SMS": gettext_lazy("문자"), "EMAIL": gettext_lazy("이메일")}
_PROBLEMS = {
    "TOO_LATE": gettext_lazy("보낼 때가 지났어요"),
    "FORBIDDEN_LINK": gettext_lazy("보내면 안 되는 링크가 들어 있어요"),
    "UNKNOWN_OUTCOME": gettext_lazy("받았는지 알 수 없어 다시 보내지 않았어요"),
}
_TRIES = {
    "SENT": Standing(gettext_lazy("답을 기다림"), "wait"),
    "ACCEPTED": Standing(gettext_lazy("받음"), "done"),
    "REFUSED": Standing(gettext_lazy("거절함"), "bad"),
    "UNREACHABLE": Standing(gettext_lazy("받지 않음"), "wait"),
    "UNKNOWN": Standing(gettext_lazy("받았는지 모름"), "wait"),
}
_OWNERS = {
    Owner.DESK.value: gettext_lazy("고객센터"),
    Owner.NOBODY.value: gettext_lazy("할 일 없음"),
}
_UNABLE = {
    "NOT_DEAD": gettext_lazy("이미 보냈거나 보내는 중이에요."),
    "SECRET": gettext_lazy("인증번호는 다시 보내지 않아요. 고객이 새로 받아야 해요."),
    "FORGOTTEN": gettext_lazy("보관 기간이 지나 내용이 남아 있지 않아요."),
}
_RULES = {
    "BIRTHDATE": gettext_lazy("생년월일 (끝난 뒤 24시간)"),
    "ACCOUNT": gettext_lazy("환불 계좌 (환불 뒤 30일)"),
    "RECORD_SMALL": gettext_lazy("거래 기록 10,000원 이하 (1년)"),
    "RECORD_LARGE": gettext_lazy("거래 기록 10,000원 초과 (5년)"),
    "MESSAGE": gettext_lazy("결제와 무관한 문자 (1년)"),
    "LINE_RULES": gettext_lazy("거둔 차단과 한도 (1년)"),
    "LINE_MONTH": gettext_lazy("달마다 쓴 금액의 번호 (1년)"),
    "VERIFICATION": gettext_lazy("본인 확인 번호 (30일)"),
    "INBOUND_MAIL": gettext_lazy("받은 메일 (1년)"),
    "RISK_COUNT": gettext_lazy("위험 규칙이 센 것 (30일)"),
    "DESK_FILE": gettext_lazy("고객센터에 보낸 파일 (1년)"),
    "DESK_RECORD": gettext_lazy("고객센터 상담 기록 (3년)"),
}
_CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])")


def _stands(message: Message) -> Standing:
    if message.done_at:
        return Standing(_("보냄"), "done")
    if message.dead_at:
        return Standing(_("보내지 못함"), "bad")
    return Standing(_("다시 보내는 중") if message.problem else _("보내는 중"), "wait")


def _words(message: Message) -> str:
    if kinds.of(message.kind).is_secret:
        return _("인증번호가 든 문자라 내용을 보여 주지 않아요.")
    if not message.text_sealed:
        return _("보관 기간이 지나 지웠어요.")
    try:
        text = message.text
    except encryption.Unreadable:
        return _("내용을 읽을 수 없어요.")
    return _CODE.sub("••••••", links.masked(text, own=settings.PUBLIC_URL))


def _lines(message: Message) -> SafeString:
    return format_html_join(
        "", "<p>{}</p>", ((line,) for line in _words(message).splitlines() if line.strip())
    )


def _tries(message: Message) -> SafeString:
    rows = message.deliveries.order_by("pk")
    return format_html_join("", "<p>{} {} {}</p>", (_try(row) for row in rows))


def _try(row: MessageDelivery) -> tuple[str, SafeString, str]:
    return moment(row.attempted_at), chip(_TRIES[row.outcome]), row.provider_id or row.problem


def _problem(message: Message) -> str | None:
    return str(_PROBLEMS.get(message.problem, message.problem)) or None


def _owner(message: Message) -> str | None:
    return str(_OWNERS.get(message.owner, message.owner)) or None


def _time(at: Any) -> SafeString | None:
    return format_html('<span class="nowrap">{}</span>', moment(at)) if at else None


def _payment(message: Message) -> SafeString | None:
    if message.payment is None:
        return None
    address = reverse("admin:payments_payment_change", args=[message.payment.pk])
    return format_html('<a class="nowrap" href="{}">{}</a>', address, message.payment.reference)


def _closed(message: Message) -> str | None:
    code = deliveries.hindrance(message)
    if code == "NOT_DEAD":
        return NOT_OFFERED
    return str(_UNABLE[code]) if code else None


def _again(row: Message, *, reason: str, by: str, now: datetime, **_seen: Any) -> str:
    try:
        deliveries.send_again(row.pk, reason=reason, by=by, now=now)
    except deliveries.UnableToSend as refusal:
        raise Unable(str(_UNABLE[refusal.code])) from None
    return _("다시 보내고 있어요.")


class StandingFilter(admin.SimpleListFilter):
    """How they stand; the dead ones that somebody must deal with are what agents look for."""

    title = gettext_lazy("상태")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The groups agents think in."""
        return [
            ("mine", gettext_lazy("처리할 일")),
            ("waiting", gettext_lazy("보내는 중")),
            ("sent", gettext_lazy("보냄")),
            ("dead", gettext_lazy("보내지 못함")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """The chosen group; all when none is chosen."""
        dead = Q(dead_at__isnull=False)
        groups = {
            "mine": dead & ~Q(owner=Owner.NOBODY),
            "waiting": Q(done_at__isnull=True, dead_at__isnull=True),
            "sent": Q(done_at__isnull=False),
            "dead": dead,
        }
        return queryset.filter(groups.get(self.value() or "", Q()))


@admin.register(Message)
class MessageAdmin(Stepping):
    """Texts and mails, newest first."""

    list_display = (
        column(
            "about",
            gettext_lazy("내용"),
            lambda row: str(standing.MESSAGES.get(row.kind, row.kind)),
        ),
        column("channel", gettext_lazy("보내는 길"), lambda row: str(_CHANNELS[row.channel])),
        column("to", gettext_lazy("받는 곳"), lambda row: row.to_masked),
        column("standing", gettext_lazy("상태"), lambda row: chip(_stands(row))),
        column("attempts", gettext_lazy("시도"), lambda row: row.attempts),
        column("owner", gettext_lazy("맡은 사람"), _owner),
        column("written", gettext_lazy("쓴 때"), lambda row: _time(row.created_at)),
    )
    list_filter = (
        StandingFilter,
        choice_filter("kind", gettext_lazy("내용"), standing.MESSAGES),
        choice_filter("channel", gettext_lazy("보내는 길"), _CHANNELS),
    )
    list_select_related = ("payment",)
    search_fields = ("pk",)
    search_help_text = gettext_lazy("결제 번호, 휴대전화번호 전체 또는 보낸 날")
    details = (
        *list_display,
        column("problem", gettext_lazy("막힌 까닭"), _problem),
        column("words", gettext_lazy("보낸 글"), _lines),
        column("tries", gettext_lazy("시도 기록"), _tries),
        column("sent", gettext_lazy("보낸 때"), lambda row: _time(row.done_at)),
        column("deadline", gettext_lazy("늦어도"), lambda row: _time(row.deadline_at)),
        column("payment", gettext_lazy("결제 번호"), _payment),
    )
    about = "message"
    steps = (
        Step(
            name="again",
            title=gettext_lazy("다시 보내기"),
            permission="payments.resend_message",
            means=lambda row: _("같은 글을 같은 곳에 보내요. 다시 실패하면 맡은 사람은 나예요."),
            closed=_closed,
            take=_again,
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """Find by the payment's number, shop or product, its phone in full, or a day."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = searching.wanted(term, payment="payment__", phone="payment__", at="created_at")
        return queryset.filter(found), False


@admin.register(RetentionProof)
class RetentionProofAdmin(LookOnly):
    """What was destroyed when its time was over, newest first."""

    list_display = (
        column("rule", gettext_lazy("무엇을"), lambda row: str(_RULES.get(row.rule, row.rule))),
        column("count", gettext_lazy("건수"), lambda row: number(row.count)),
        column("oldest", gettext_lazy("가장 오래된 것"), lambda row: _time(row.oldest)),
        column("cutoff", gettext_lazy("이때까지의 것"), lambda row: _time(row.cutoff)),
        column("at", gettext_lazy("지운 때"), lambda row: _time(row.at)),
    )
    list_filter = (choice_filter("rule", gettext_lazy("무엇을"), _RULES),)
    details = list_display
