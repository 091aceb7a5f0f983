"""Risk in the admin: what the rules are, what each would have done, and why a payment was stopped.

A rule is made and ended here, never changed. Decisions can only be looked at.
"""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from payments import risk_words
from payments.admin import LookOnly, chip, choice_filter, column
from payments.admin_settlement import Books
from payments.models import RiskDecision, RiskRule
from payments.models.risk import Firings
from payments.risk import Action, Kind
from payments.risk_words import ACTIONS, GOODS, KINDS, OUTCOMES
from payments.templatetags.won import moment, number, won

REPORT_DAYS = 7
_WINDOWS = (600, 3_600, 8 * 3_600, 86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400)
_LAST_HOUR = 23


def _at(name: str, label: Any, *, as_name: str = "") -> Any:
    """A moment. Under another name where a form has words of its own for the field."""

    def read(row: Any) -> SafeString | None:
        at = getattr(row, name)
        return format_html('<span class="nowrap">{}</span>', moment(at)) if at else None

    return column(as_name or name, label, read)


def _payment(decision: RiskDecision) -> SafeString:
    address = reverse("admin:payments_payment_change", args=[decision.payment_id])
    reference = decision.payment.reference
    return format_html('<a class="nowrap" href="{}">{}</a>', address, reference)


def _reference(decision: RiskDecision) -> SafeString:
    return format_html('<b class="nowrap">{}</b>', decision.payment.reference)


def _reasons(decision: RiskDecision) -> SafeString | str:
    if not decision.fired:
        return _("걸린 규칙이 없어요.")
    return format_html_join(
        "", "<p>{}</p>", ((risk_words.reason(firing),) for firing in decision.fired)
    )


def _sim(decision: RiskDecision) -> str:
    is_swapped = decision.facts["is_sim_swapped"]
    if is_swapped is None:
        return _("이때는 아직 묻지 않았어요")
    return _("최근에 바뀜") if is_swapped else _("바뀌지 않음")


def _measured(decision: RiskDecision) -> SafeString | None:
    measured = {int(rule): value for rule, value in decision.facts["measured"].items()}
    if not measured:
        return None
    rules = RiskRule.objects.filter(pk__in=measured).order_by("pk")
    return format_html_join(
        "",
        "<p>{}: {} <span>({})</span></p>",
        (
            (
                str(KINDS[rule.kind]),
                number(measured[rule.pk]),
                risk_words.condition(Kind(rule.kind), rule.threshold, rule.window_seconds),
            )
            for rule in rules
        ),
    )


class FiredFilter(admin.SimpleListFilter):
    """By what fired: any rule, or those of one kind."""

    title = gettext_lazy("걸린 규칙")
    parameter_name = "fired"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Anything, or a kind."""
        kinds = [(kind.value, words) for kind, words in KINDS.items()]
        return [("any", gettext_lazy("하나라도")), *kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The decisions in which it fired."""
        value = self.value()
        if value == "any":
            return queryset.exclude(fired=[])
        if value in KINDS:
            return queryset.exclude(fired=[]).filter(fired__contains=[{"kind": value}])
        return queryset


@admin.register(RiskDecision)
class RiskDecisionAdmin(LookOnly):
    """Decisions, newest first; each with its reasons in sentences."""

    list_display = (
        column("reference", gettext_lazy("결제 번호"), _reference),
        column("what", gettext_lazy("판단"), lambda row: chip(OUTCOMES[row.outcome])),
        column("reasons", gettext_lazy("까닭"), _reasons),
        column("merchant", gettext_lazy("판매자"), lambda row: row.payment.merchant.name),
        _at("decided_at", gettext_lazy("판단한 때")),
    )
    list_filter = (
        choice_filter(
            "outcome",
            gettext_lazy("판단"),
            {code.value: state.text for code, state in OUTCOMES.items()},
        ),
        FiredFilter,
    )
    list_select_related = ("payment", "payment__merchant")
    search_fields = ("payment__reference__iexact",)
    search_help_text = gettext_lazy("결제 번호")
    details = (
        *list_display[1:3],
        column("payment", gettext_lazy("결제"), _payment),
        list_display[3],
        column("amount", gettext_lazy("금액"), lambda row: won(row.facts["amount_won"])),
        column("goods", gettext_lazy("상품 종류"), lambda row: str(GOODS[row.facts["goods"]])),
        column("sim", gettext_lazy("유심"), _sim),
        column("measured", gettext_lazy("센 것(이번 시도까지)"), _measured),
        list_display[4],
    )


class RuleForm(forms.ModelForm[RiskRule]):
    """A new rule: what it measures, from where on it fires, what it does, and why."""

    window_seconds = forms.TypedChoiceField(
        coerce=int,
        label=gettext_lazy("기간"),
        help_text=gettext_lazy("이 기간마다 새로 세요. 밤은 그 길이예요. 금액에는 기간이 없어요."),
    )

    class Meta:
        model = RiskRule
        fields = ("kind", "threshold", "window_seconds", "action", "valid_from", "note")
        labels = {
            "kind": gettext_lazy("무엇을 보나"),
            "threshold": gettext_lazy("기준"),
            "action": gettext_lazy("걸리면"),
            "valid_from": gettext_lazy("적용 시작(한국)"),
            "note": gettext_lazy("까닭"),
        }
        help_texts = {
            "threshold": gettext_lazy(
                "이보다 많으면 걸려요: 번, 건, 금액은 원. 밤은 시작하는 시(0–23), 유심은 0."
            ),
            "action": gettext_lazy("새 규칙은 먼저 지켜보기만 하고, 보고를 본 뒤에 정하세요."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            self.fields["kind"].widget.choices = list(KINDS.items())
            chosen = [(code.value, state.text) for code, state in ACTIONS.items()]
            self.fields["action"].widget.choices = chosen
            spans = [(seconds, risk_words.span(seconds)) for seconds in _WINDOWS]
            self.fields["window_seconds"].choices = [(0, _("없음")), *spans]  # type: ignore[attr-defined]
            self.initial.setdefault("window_seconds", _WINDOWS[1])
            self.initial.setdefault("action", Action.SHADOW.value)
            self.initial.setdefault("valid_from", timezone.now())

    def clean(self) -> dict[str, Any]:
        """Whatever counts, counts over some time."""
        typed = super().clean() or {}
        if not typed.get("window_seconds") and typed.get("kind") != Kind.AMOUNT:
            self.add_error("window_seconds", _("기간을 골라 주세요"))
        if typed.get("kind") == Kind.NIGHT_CASH and typed.get("threshold", 0) > _LAST_HOUR:
            self.add_error("threshold", _("밤이 시작하는 시를 0부터 23까지로 적어 주세요"))
        return typed


def _counted(rule: RiskRule) -> Firings:
    """How often the rule fired lately."""
    return rule.firings(timezone.now() - timedelta(days=REPORT_DAYS))


def _report(rule: RiskRule) -> str:
    found = _counted(rule)
    if not found.fired:
        return _("지난 {days}일 동안 한 번도 걸리지 않았어요(판단 {all}건).").format(
            days=REPORT_DAYS, all=number(found.decisions)
        )
    text = _(
        "지난 {days}일의 판단 {all}건 가운데 {fired}건에서 걸렸어요. 그중 {paid}건은 결제됐어요."
    )
    if rule.action == Action.SHADOW:
        text = _(
            "지난 {days}일의 판단 {all}건 가운데 {fired}건에서 걸렸어요. "
            "그중 {paid}건은 결제됐어요. 켜 두었다면 이들을 막거나 비밀번호를 물었을 거예요."
        )
    return text.format(
        days=REPORT_DAYS,
        all=number(found.decisions),
        fired=number(found.fired),
        paid=number(found.paid),
    )


def _share(rule: RiskRule) -> SafeString:
    found = _counted(rule)
    return format_html(
        '<span class="nowrap">{} / {}</span>', number(found.fired), number(found.decisions)
    )


def _to_decisions(rule: RiskRule) -> SafeString:
    address = reverse("admin:payments_riskdecision_changelist")
    words = _("이 규칙이 걸린 판단 보기")
    return format_html('<a href="{}?fired={}">{}</a>', address, rule.kind, words)


@admin.register(RiskRule)
class RiskRuleAdmin(Books):
    """Rules with their first and last moment, and how often each fired."""

    form = RuleForm
    asked = ("kind", "threshold", "window_seconds", "action", "valid_from", "note")
    list_display = (
        column("rule", gettext_lazy("규칙"), lambda row: str(KINDS[row.kind])),
        column(
            "condition",
            gettext_lazy("걸리는 때"),
            lambda row: risk_words.condition(Kind(row.kind), row.threshold, row.window_seconds),
        ),
        column("does", gettext_lazy("걸리면"), lambda row: chip(ACTIONS[row.action])),
        column("fired", gettext_lazy("지난 7일: 걸림 / 판단"), _share),
        _at("valid_from", gettext_lazy("적용 시작"), as_name="since"),
        _at("valid_until", gettext_lazy("끝나는 때")),
    )
    details = (
        *list_display[:3],
        column("report", gettext_lazy("보고"), _report),
        column("decisions", gettext_lazy("판단"), _to_decisions),
        column("why", gettext_lazy("까닭"), lambda row: row.note),
        column("by", gettext_lazy("만든 사람"), lambda row: row.made_by),
        *list_display[4:],
    )
    list_filter = (
        choice_filter("kind", gettext_lazy("규칙"), KINDS),
        choice_filter(
            "action",
            gettext_lazy("걸리면"),
            {code.value: state.text for code, state in ACTIONS.items()},
        ),
    )
    ordering = ("-pk",)
    actions = ("end",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may."""
        return self.may(request, "add")

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Who may change rules."""
        return self.may(request, "change")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """A new rule, on the account of who made it."""
        obj.made_by = request.user.get_username()
        obj.save(force_insert=True)

    @admin.action(description=gettext_lazy("고른 규칙 끝내기"), permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[RiskRule]) -> None:
        """From now on they decide nothing; what they decided can still be read."""
        now = timezone.now()
        ended = 0
        for rule in queryset:
            if rule.end(at=now):
                self.log_change(request, rule, "end")
                ended += 1
        if ended:
            text = ngettext("규칙 {count}개를 끝냈어요.", "규칙 {count}개를 끝냈어요.", ended)
            messages.success(request, text.format(count=ended))
        else:
            messages.warning(request, _("고른 규칙은 이미 끝났어요."))
