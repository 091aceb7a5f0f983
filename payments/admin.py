"""The money's rows in the admin, to look at. Nothing is added, changed or deleted here.

Sealed fields are never shown; phones and addresses only masked.
"""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from payments.models import CarrierCall, Message, OutboxEvent, Payment, Refund
from payments.templatetags.won import moment, won

_NEVER = ("token", "window_hash", "lease_expires_at")


class LookOnly(admin.ModelAdmin[Any]):
    """Every field but the sealed ones, read-only."""

    actions = None
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    heading: Any = ""
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """All columns that hold no secret."""
        return [
            field.name
            for field in self.opts.fields
            if not field.name.endswith(("_sealed", "_bidx")) and field.name not in _NEVER
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """All of them."""
        return self.get_fields(request, obj)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list under its Korean name."""
        return super().changelist_view(request, {"title": self.heading, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Never."""
        return False


@admin.register(Payment)
class PaymentAdmin(LookOnly):
    """Payments, newest first."""

    heading = _("결제")
    list_display = ("reference", "merchant", "item_name", "amount", "state", "line", "created")
    list_filter = ("state", "merchant", "carrier")
    list_select_related = ("merchant",)
    search_fields = ("reference__iexact", "order_no__iexact")
    search_help_text = _("결제 번호 또는 주문 번호")
    ordering = ("-pk",)

    @admin.display(description=_("금액"))
    def amount(self, payment: Payment) -> str:
        """Won."""
        return won(payment.amount_won)

    @admin.display(description=_("회선"))
    def line(self, payment: Payment) -> str:
        """Carrier and masked number."""
        return f"{payment.carrier} {payment.masked_phone}".strip()

    @admin.display(description=_("만든 시각"))
    def created(self, payment: Payment) -> str:
        """Korean time."""
        return moment(payment.created_at)


@admin.register(Refund)
class RefundAdmin(LookOnly):
    """Refunds, newest first."""

    heading = _("환불")
    list_display = ("pk", "payment", "amount", "route", "state", "failure_code", "requested")
    list_filter = ("state", "route", "merchant")
    list_select_related = ("payment",)
    search_fields = ("payment__reference__iexact",)
    search_help_text = _("결제 번호")
    ordering = ("-pk",)

    @admin.display(description=_("금액"))
    def amount(self, refund: Refund) -> str:
        """Won."""
        return won(refund.amount_won)

    @admin.display(description=_("요청 시각"))
    def requested(self, refund: Refund) -> str:
        """Korean time."""
        return moment(refund.requested_at)


@admin.register(Message)
class MessageAdmin(LookOnly):
    """Texts and mails, newest first; their words stay sealed."""

    heading = _("문자와 메일")
    list_display = ("pk", "kind", "channel", "to_masked", "attempts", "done_at", "dead_at")
    list_filter = ("kind", "channel")
    ordering = ("-pk",)


@admin.register(OutboxEvent)
class OutboxEventAdmin(LookOnly):
    """Announcements, newest first."""

    heading = _("알림 대기열")
    list_display = (
        "pk",
        "kind",
        "subject_id",
        "attempts",
        "problem",
        "due_at",
        "done_at",
        "dead_at",
    )
    list_filter = ("kind",)
    ordering = ("-pk",)


@admin.register(CarrierCall)
class CarrierCallAdmin(LookOnly):
    """Calls to operators and bank, newest first."""

    heading = _("통신사와 은행 호출")
    list_display = ("order_ref", "payment", "kind", "state", "answer", "sent_at", "resolved_at")
    list_filter = ("kind", "state")
    list_select_related = ("payment",)
    search_fields = ("order_ref__iexact", "payment__reference__iexact")
    search_help_text = _("호출 번호 또는 결제 번호")
    ordering = ("-pk",)
