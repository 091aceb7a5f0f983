"""The mails that came, to look up: from whom, what was made of each, and the case it is in."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from payments.admin import LookOnly, chip, choice_filter, column
from payments.standing import Standing
from payments.templatetags.won import moment
from support.models import InboundMail, email_index, pk_of_number

_Verdict = InboundMail.Verdict
_TONES = {_Verdict.OPENED: "done", _Verdict.ADDED: "done", _Verdict.BOUNCED: "bad"} | dict.fromkeys(
    (_Verdict.TOO_MANY, _Verdict.NO_SENDER, _Verdict.UNREADABLE, _Verdict.SET_ASIDE), "wait"
)


def _made(mail: InboundMail) -> SafeString:
    verdict = _Verdict(mail.verdict)
    shown = chip(Standing(verdict.label, _TONES.get(verdict, "note")))
    if not mail.mark:
        return shown
    return format_html('<span>{} <span class="quiet">{}</span></span>', shown, mail.mark)


def _case(mail: InboundMail) -> str | SafeString:
    if mail.ticket is None:
        return "–"
    url = reverse("admin:support_ticket_change", args=[mail.ticket.pk])
    return format_html('<a class="nowrap" href="{}">{}</a>', url, mail.ticket.number)


_SENDER = column("sender", _("보낸 사람"), lambda row: row.masked_sender or "–")
_SUBJECT = column("title", _("제목"), lambda row: row.subject or "–")
_MADE = column("made", _("처리"), _made)
_CASE = column("case", _("요청"), _case)
_AT = column(
    "at",
    _("받은 때"),
    lambda row: format_html('<span class="nowrap">{}</span>', moment(row.received_at)),
)
_FILES = column("files", _("첨부"), lambda row: row.attachments or "–")


@admin.register(InboundMail)
class InboundMailAdmin(LookOnly):
    """Newest first; found by the sender's whole address, or by the case."""

    list_display = (
        column("number", _("번호"), lambda row: row.pk),
        _AT,
        _SENDER,
        _SUBJECT,
        _FILES,
        _MADE,
        _CASE,
    )
    list_filter = (choice_filter("verdict", _("처리"), dict(_Verdict.choices)),)
    list_select_related = ("ticket",)
    search_fields = ("digest",)
    search_help_text = _("보낸 사람의 이메일 주소나 요청 번호")
    details = (_AT, _SENDER, _SUBJECT, _FILES, _MADE, _CASE)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InboundMail], search_term: str
    ) -> tuple[QuerySet[InboundMail], bool]:
        """A whole address, or a case."""
        if not search_term.strip():
            return queryset, False
        if pk := pk_of_number(search_term):
            return queryset.filter(ticket=pk), False
        return queryset.filter(sender_bidx=email_index(search_term)), False
