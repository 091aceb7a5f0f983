"""The money's rows in the admin, to look at. Nothing is added, changed or deleted here.

Every column is named: a new column of a table stays unseen until somebody says what agents call it.
Sealed fields, tokens and addresses with tokens are never shown; phones only masked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import conditional_escape, format_html, format_html_join, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise

from payments import risk_words, standing
from payments.calendar import Route
from payments.models import CarrierCall, Payment, Refund
from payments.searching import wanted
from payments.standing import Standing, Words
from payments.templatetags.won import day, moment, month, won

Column = Callable[[Any], str]
Read = Callable[[Any], StrOrPromise | int | None]
_ROUTES = {
    Route.CARRIER: gettext_lazy("통신사 취소"),
    Route.BANK: gettext_lazy("계좌 환불"),
}
CALLS = {
    "MATCH": gettext_lazy("명의 확인"),
    "AGE": gettext_lazy("나이 확인"),
    "SIM_SWAP": gettext_lazy("유심 변경 확인"),
    "PIN": gettext_lazy("결제 비밀번호 확인"),
    "PREPARE": gettext_lazy("결제 예약"),
    "VALIDATE": gettext_lazy("인증번호 확인"),
    "CONFIRM": gettext_lazy("결제 확정"),
    "REVERSE": gettext_lazy("예약 되돌리기"),
    "REFUND": gettext_lazy("통신사 취소"),
    "QUERY": gettext_lazy("결과 조회"),
    "PAYOUT": gettext_lazy("계좌 송금"),
}
CALL_STATES = {
    "SENT": gettext_lazy("답을 기다림"),
    "OK": gettext_lazy("받아들임"),
    "DECLINED": gettext_lazy("거절함"),
    "UNKNOWN": gettext_lazy("답을 모름"),
    "RESOLVED": gettext_lazy("나중에 확인함"),
    "SKIPPED": gettext_lazy("부르지 않음"),
}


def column(name: str, label: StrOrPromise, read: Read) -> Column:
    """A column of a list or a line of a page: its name in the row's classes, its words, its value.

    Nothing to show is a dash.
    """

    def cell(row: Any) -> str:
        shown = read(row)
        if shown is None or shown == "":
            return "–"
        return str(shown) if isinstance(shown, int) else conditional_escape(shown)

    cell.__name__ = name
    return admin.display(description=label)(cell)


def chip(state: Standing) -> SafeString:
    """A state as everywhere else: words, colour and icon."""
    return SafeString(
        render_to_string("components/status.html", {"text": state.text, "tone": state.tone})
    )


def _lines(parts: Iterable[tuple[object, object]]) -> SafeString:
    return format_html_join("", "<p>{} <span>{}</span></p>", parts)


class ChoiceFilter(admin.SimpleListFilter):
    """A filter over a column of codes, under the words people use for them."""

    words: Mapping[Any, Words]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Every code with its words."""
        return [(str(code), words) for code, words in self.words.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with the chosen code; all of them when none is chosen."""
        value = self.value()
        return queryset.filter(**{self.parameter_name or "": value}) if value else queryset


def choice_filter(
    parameter: str, label: StrOrPromise, choices: Mapping[Any, Words]
) -> type[admin.SimpleListFilter]:
    """A ChoiceFilter for one column."""
    return type(
        "Filter",
        (ChoiceFilter,),
        {"title": label, "parameter_name": parameter, "words": choices},
    )


class HeapFilter(admin.SimpleListFilter):
    """Two heaps of rows: what is still open, and what is done with."""

    heaps: tuple[StrOrPromise, StrOrPromise]
    # What is shown before anybody chose: `1` the open ones, `all` both.
    at_first: str
    is_open: Q

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The two there are, and both."""
        return [("1", self.heaps[0]), ("0", self.heaps[1]), ("all", _("모두"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Without Django's own choice of none, which would be a fourth."""
        for value, words in self.lookup_choices:
            yield {
                "selected": (self.value() or self.at_first) == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": words,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The chosen heap."""
        heap = self.value() or self.at_first
        if heap == "0":
            return queryset.exclude(self.is_open)
        return queryset if heap == "all" else queryset.filter(self.is_open)


def heap_filter(
    label: StrOrPromise,
    open_words: StrOrPromise,
    done_words: StrOrPromise,
    is_open: Q,
    *,
    at_first: str = "1",
) -> type[admin.SimpleListFilter]:
    """A HeapFilter over what `is_open` finds."""
    return type(
        "Filter",
        (HeapFilter,),
        {
            "title": label,
            "parameter_name": "heap",
            "heaps": (open_words, done_words),
            "is_open": is_open,
            "at_first": at_first,
        },
    )


class MerchantFilter(admin.RelatedFieldListFilter):
    """Of which shop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("판매자")


class Named(admin.ModelAdmin[Any]):
    """Lists and rows under their names; Django's own words tell developers what to select."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list under its own name."""
        title = self.opts.verbose_name_plural
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One row under its own name."""
        row = self.get_object(request, object_id)
        name = self.name_of(row) if row else ""
        context = {"title": f"{self.opts.verbose_name} {name}", "subtitle": None}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def name_of(self, row: Model) -> str:
        """What people call it."""
        return str(row)


class LookOnly(Named):
    """A list and pages of `details`, read-only."""

    actions: Any = None
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    show_full_result_count = False
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    list_display: tuple[Column, ...]
    details: tuple[Column, ...]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What was named, nothing else."""
        return self.details

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """All of them."""
        return self.details

    def name_of(self, row: Model) -> str:
        """What the list calls it."""
        return strip_tags(self.list_display[0](row))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


def _text(words: Mapping[Any, Words], code: str) -> str:
    return str(words.get(code, code))


def _texts(states: dict[Any, Standing]) -> dict[Any, Words]:
    return {code: state.text for code, state in states.items()}


def _payment_link(payment: Payment | None) -> SafeString | None:
    if payment is None:
        return None
    return format_html(
        '<a class="nowrap" href="{}">{}</a>',
        reverse("admin:payments_payment_change", args=[payment.pk]),
        payment.reference,
    )


def _stands(payment: Payment) -> SafeString:
    return chip(standing.of_payment(payment, payment.refunds.all()))


def _line(payment: Payment) -> SafeString:
    text = f"{payment.carrier} {payment.masked_phone}".strip()
    return format_html('<span class="nowrap">{}</span>', text or "–")


def _at(name: str) -> Read:
    def read(row: Any) -> str | None:
        at = getattr(row, name)
        return format_html('<span class="nowrap">{}</span>', moment(at)) if at else None

    return read


def _bold(words: object) -> SafeString:
    return format_html('<b class="nowrap">{}</b>', words)


_MERCHANT = column("merchant", gettext_lazy("판매자"), lambda row: row.merchant.name)
_ITEM = column(
    "item",
    gettext_lazy("상품"),
    lambda row: format_html('<span lang="ko">{}</span>', row.item_name),
)
_AMOUNT = column("amount", gettext_lazy("금액"), lambda row: _bold(won(row.amount_won)))
_LINE = column("line", gettext_lazy("회선"), _line)
_STANDS = column("standing", gettext_lazy("상태"), _stands)
_PAYMENT = column("payment", gettext_lazy("결제 번호"), lambda row: _payment_link(row.payment))


@admin.register(Payment)
class PaymentAdmin(LookOnly):
    """Payments, newest first."""

    list_display = (
        column("reference", gettext_lazy("결제 번호"), lambda row: _bold(row.reference)),
        _MERCHANT,
        _ITEM,
        _AMOUNT,
        _STANDS,
        _LINE,
        column("opened", gettext_lazy("결제창을 연 때"), _at("created_at")),
    )
    list_filter = (
        choice_filter("state", gettext_lazy("상태"), _texts(standing.PAYMENTS)),
        ("merchant", MerchantFilter),
    )
    list_select_related = ("merchant",)
    search_fields = ("reference",)
    search_help_text = gettext_lazy("결제·주문 번호, 휴대전화번호, 판매자, 상품, 날짜(2026-11-23)")
    details = (
        _STANDS,
        _MERCHANT,
        _ITEM,
        _AMOUNT,
        _LINE,
        column("order", gettext_lazy("판매자의 주문 번호"), lambda row: row.order_no),
        column("opened", gettext_lazy("결제창을 연 때"), _at("created_at")),
        column("paid", gettext_lazy("통신사가 승인한 때"), _at("paid_at")),
        column("used", gettext_lazy("상품을 처음 쓴 때"), _at("used_at")),
        column(
            "month",
            gettext_lazy("청구되는 달"),
            lambda row: month(row.billing_month),
        ),
        column("approval", gettext_lazy("통신사 승인 번호"), lambda row: row.carrier_tx),
        column(
            "refunds",
            gettext_lazy("환불"),
            lambda row: _lines(
                (
                    f"{won(refund.amount_won)} · {_text(_ROUTES, refund.route)}",
                    chip(standing.of_refund_state(refund.state)),
                )
                for refund in row.refunds.all()
            ),
        ),
        column(
            "risk",
            gettext_lazy("위험 판단"),
            lambda row: _lines(
                (risk_words.in_short(decision.outcome, decision.fired), moment(decision.decided_at))
                for decision in row.decisions.order_by("pk")
            ),
        ),
        column(
            "history",
            gettext_lazy("있었던 일"),
            lambda row: _lines(
                (standing.of_payment_state(event.to_state).text, moment(event.occurred_at))
                for event in row.events.order_by("pk")
            ),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        """With the refunds that a payment's words depend on."""
        return super().get_queryset(request).prefetch_related("refunds")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        """By what callers say: a number, a phone (whole or masked), a day, a shop or a product."""
        term = search_term.strip()
        return (queryset.filter(wanted(term, at="created_at")) if term else queryset), False


@admin.register(Refund)
class RefundAdmin(LookOnly):
    """Refunds, newest first."""

    _route = column("route", gettext_lazy("방법"), lambda row: _text(_ROUTES, row.route))
    _state = column(
        "standing", gettext_lazy("상태"), lambda row: chip(standing.of_refund_state(row.state))
    )
    _requested = column("requested", gettext_lazy("요청한 때"), _at("requested_at"))
    list_display = (
        column("reference", gettext_lazy("결제 번호"), lambda row: _bold(row.payment.reference)),
        _MERCHANT,
        column("item", gettext_lazy("상품"), lambda row: row.payment.item_name),
        _AMOUNT,
        _route,
        _state,
        _requested,
    )
    list_filter = (
        choice_filter("state", gettext_lazy("상태"), _texts(standing.REFUNDS)),
        choice_filter("route", gettext_lazy("방법"), _ROUTES),
        ("merchant", MerchantFilter),
    )
    list_select_related = ("payment", "merchant")
    search_fields = ("payment__reference__iexact",)
    search_help_text = gettext_lazy("결제 번호")
    details = (
        _PAYMENT,
        _state,
        _AMOUNT,
        _route,
        _requested,
        column("due", gettext_lazy("보낼 때"), _at("due_at")),
        column("deadline", gettext_lazy("통신사 취소 마감"), _at("deadline_at")),
        column("expected", gettext_lazy("늦어도"), lambda row: day(row.expected_on)),
        column("arrived", gettext_lazy("돌아간 때"), _at("confirmed_at")),
        column(
            "account",
            gettext_lazy("받을 계좌 끝자리"),
            lambda row: row.account_last4,
        ),
        column(
            "history",
            gettext_lazy("있었던 일"),
            lambda row: _lines(
                (standing.of_refund_state(event.to_state).text, moment(event.occurred_at))
                for event in row.events.order_by("pk")
            ),
        ),
    )


@admin.register(CarrierCall)
class CarrierCallAdmin(LookOnly):
    """Calls to operators and bank, newest first."""

    list_display = (
        column("kind", gettext_lazy("부른 일"), lambda row: _text(CALLS, row.kind)),
        column("reference", gettext_lazy("결제 번호"), lambda row: row.payment.reference),
        column("standing", gettext_lazy("답"), lambda row: _text(CALL_STATES, row.state)),
        column("sent", gettext_lazy("부른 때"), _at("sent_at")),
        column("answered", gettext_lazy("답이 온 때"), _at("resolved_at")),
    )
    list_filter = (
        choice_filter("kind", gettext_lazy("부른 일"), CALLS),
        choice_filter("state", gettext_lazy("답"), CALL_STATES),
    )
    list_select_related = ("payment",)
    search_fields = ("order_ref__iexact", "payment__reference__iexact")
    search_help_text = gettext_lazy("호출 번호 또는 결제 번호")
    details = (
        list_display[0],
        _PAYMENT,
        *list_display[2:],
        column("order_ref", gettext_lazy("호출 번호"), lambda row: row.order_ref),
        column("answer", gettext_lazy("답의 원문"), lambda row: row.answer),
        column("tx", gettext_lazy("통신사 승인 번호"), lambda row: row.carrier_tx),
    )


# Their tables belong to the same site; at the end, because they build on what stands above.
import payments.admin_alerts  # noqa: E402
import payments.admin_messages  # noqa: E402
import payments.admin_outbox  # noqa: E402
import payments.admin_refunds  # noqa: E402
import payments.admin_review  # noqa: E402
import payments.admin_risk  # noqa: E402
import payments.admin_settlement  # noqa: E402
import payments.admin_terms  # noqa: E402, F401
