"""The trail to read: who looked, took, tried or deleted what, and about whom."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, NullIf
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from payments import encryption, subscriber
from payments.admin import LookOnly, choice_filter, column
from payments.subscriber import UnreadablePhone
from payments.templatetags.won import moment
from support.models import AuditEntry


def _time(entry: AuditEntry) -> SafeString:
    return format_html('<span class="nowrap">{}</span>', moment(entry.at))


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnly):
    """Newest first; found by who it was, or by the phone of whose data it is."""

    list_display = (
        column("number", _("번호"), lambda row: row.pk),
        column("at", _("때"), _time),
        column("actor", _("누가"), lambda row: f"{row.who or ''} {row.actor}".strip()),
        column("action", _("무엇을"), lambda row: row.get_action_display()),
        column("subject", _("대상"), lambda row: row.subject),
        column("reason", _("이유"), lambda row: row.reason),
        column("address", _("접속 주소"), lambda row: row.address),
    )
    list_filter = (choice_filter("action", _("무엇을"), dict(AuditEntry.Action.choices)),)
    search_fields = ("actor",)
    search_help_text = _("누가(staff:1) 또는 고객의 휴대전화번호")
    details = list_display

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """With the names of colleagues, in the same statement."""
        people = get_user_model().objects.annotate(
            key=Concat(Value("staff:"), Cast("pk", CharField())),
            who=Coalesce(NullIf("name", Value("")), "email", output_field=CharField()),
        )
        who = people.filter(key=OuterRef("actor")).values("who")[:1]
        rows: QuerySet[AuditEntry] = super().get_queryset(request)
        return rows.annotate(who=Subquery(who))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """A phone finds what was read about its owner."""
        if not search_term:
            return queryset, False
        try:
            phone = subscriber.parse_phone(search_term)
        except UnreadablePhone:
            return queryset.filter(actor=search_term.strip()), False
        return queryset.filter(person=encryption.blind_index(phone, kind="phone")), False
