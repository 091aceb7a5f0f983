"""The agents' desk: the queue and the case, on Django's own admin.

A case is decided by one call of a use case. Nothing can be added, deleted or typed over.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import encryption, refunds, states, subscriber
from payments.calendar import NotPaid
from payments.subscriber import UnreadablePhone
from payments.templatetags.won import moment, won
from support import desk, forms, notices, tickets
from support.models import Ticket, pk_of_number
from support.states import TICKET_FINAL, TICKET_OPEN, TICKET_UNDECIDED, TicketState

_QUEUE_BESIDE_CASE = 6
_WON_DIGITS = 9


class StateFilter(admin.SimpleListFilter):
    """Open cases unless another state is asked for."""

    title = gettext_lazy("상태")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The groups agents think in."""
        return [
            ("undecided", gettext_lazy("결정할 요청")),
            ("approved", gettext_lazy("환불 진행 중")),
            ("closed", gettext_lazy("닫힌 요청")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        """The chosen group; all of them when none is chosen."""
        groups = {
            "undecided": TICKET_UNDECIDED,
            "approved": TICKET_OPEN - TICKET_UNDECIDED,
            "closed": TICKET_FINAL,
        }
        group = groups.get(self.value() or "")
        return queryset if group is None else queryset.filter(state__in=group)


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin[Ticket]):
    """Queue and case."""

    list_display = ("case", "money", "line", "clock", "standing", "accepted")
    list_display_links = ("case",)
    list_filter = (StateFilter,)
    list_per_page = 50
    actions = None
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    search_fields = ("pk",)
    search_help_text = gettext_lazy("요청 번호, 결제 번호 또는 휴대전화번호 전체")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        """The queue in its order."""
        return desk.queue()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Decided by the queue."""
        return ("is_closed", "deadline", "pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Ticket], search_term: str
    ) -> tuple[QuerySet[Ticket], bool]:
        """Find by ticket number, payment number, or a phone through its keyed hash."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(payment__reference=term.upper()) | Q(pk=pk_of_number(term))
        try:
            phone = subscriber.parse_phone(term)
        except UnreadablePhone:
            pass
        else:
            wanted |= Q(phone_bidx=encryption.blind_index(phone, kind="phone"))
        return queryset.filter(wanted), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Requests come from shoppers."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Ticket | None = None) -> bool:
        """Requests stay."""
        return False

    @admin.display(description=gettext_lazy("요청"))
    def case(self, ticket: Ticket) -> SafeString:
        """Number and reason."""
        return format_html(
            '<b class="nowrap">{}</b> {}', ticket.number, ticket.get_reason_display()
        )

    @admin.display(description=gettext_lazy("판매자 · 상품"))
    def money(self, ticket: Ticket) -> SafeString:
        """Who sold what for how much."""
        payment = ticket.payment
        if payment is None:
            return format_html("{}", ticket.product_text)
        return format_html(
            '{} · {} <b class="nowrap">{}</b>',
            payment.merchant.name,
            payment.item_name,
            won(payment.amount_won),
        )

    @admin.display(description=gettext_lazy("회선"))
    def line(self, ticket: Ticket) -> SafeString:
        """The masked number."""
        return format_html('<span class="nowrap">{}</span>', ticket.masked_phone)

    @admin.display(description=gettext_lazy("마감"))
    def clock(self, ticket: Ticket) -> SafeString:
        """The nearer deadline as a chip."""
        return SafeString(
            render_to_string(
                "admin/support/ticket/chip.html", {"clock": desk.clock(ticket, timezone.now())}
            )
        )

    @admin.display(description=gettext_lazy("상태"))
    def standing(self, ticket: Ticket) -> SafeString:
        """The state in words."""
        return format_html('<span class="nowrap">{}</span>', ticket.get_state_display())

    @admin.display(description=gettext_lazy("접수"))
    def accepted(self, ticket: Ticket) -> SafeString:
        """When it arrived."""
        return format_html('<span class="nowrap">{}</span>', moment(ticket.accepted_at))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The queue, led by a sentence."""
        waiting = Ticket.objects.filter(state__in=TICKET_UNDECIDED).count()
        title = (
            _("결정을 기다리는 요청이 {count}건 있어요").format(count=waiting)
            if waiting
            else _("결정을 기다리는 요청이 없어요")
        )
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The case; a POST is the agent's decision or note."""
        ticket = self._ticket(request, object_id)
        if request.method == "POST":
            if not self.has_change_permission(request, ticket):
                raise PermissionDenied
            return self._act(request, ticket)
        return self._case(request, ticket)

    def _ticket(self, request: HttpRequest, object_id: str) -> Ticket:
        if not object_id.isascii() or not object_id.isdigit():
            raise Http404
        ticket = desk.queue().filter(pk=int(object_id)).first()
        if ticket is None:
            raise Http404
        if not self.has_view_or_change_permission(request, ticket):
            raise PermissionDenied
        return ticket

    def _act(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        decision = request.POST.get("decision", "")
        reason = request.POST.get("reason", "").strip()
        by, now = f"staff:{request.user.pk}", timezone.now()
        if decision not in {"approve", "reject", "note"}:
            raise Http404
        problem = forms.reason_problem(reason)
        if problem:
            return self._case(request, ticket, decision=decision, typed=reason, problem=problem)
        try:
            if decision == "approve":
                tickets.approve(
                    ticket_id=ticket.pk,
                    expected_remaining_won=_won_seen(request),
                    reason=reason,
                    by=by,
                    now=now,
                )
            elif decision == "reject":
                tickets.reject(ticket_id=ticket.pk, reason=reason, by=by, now=now)
            else:
                tickets.add_note(ticket_id=ticket.pk, text=reason, by=by, now=now)
        except states.IllegalMove:
            return self._stale(request, ticket, decision, reason, _decided_already(ticket.pk))
        except (refunds.UnableToRefund, tickets.NothingToRefund) as error:
            return self._stale(request, ticket, decision, reason, _unable(error))
        if decision == "note":
            return HttpResponseRedirect(request.path)
        said = _("승인했어요. 환불을 예약했습니다.") if decision == "approve" else _("거절했어요.")
        messages.success(
            request,
            _("{number}: {said} 결과를 고객에게 알립니다.").format(number=ticket.number, said=said),
        )
        return HttpResponseRedirect(reverse("admin:support_ticket_changelist"))

    def _stale(
        self, request: HttpRequest, ticket: Ticket, decision: str, typed: str, words: str
    ) -> HttpResponse:
        """The world moved on since the page was loaded: say so, and keep what the agent wrote."""
        fresh = self._ticket(request, str(ticket.pk))
        return self._case(request, fresh, decision=decision, typed=typed, conflict=words)

    def _case(
        self,
        request: HttpRequest,
        ticket: Ticket,
        *,
        decision: str = "",
        typed: str = "",
        problem: str = "",
        conflict: str = "",
    ) -> HttpResponse:
        now = timezone.now()
        outcome = _outcome(ticket)
        names = _staff_names()
        beside = desk.queue().filter(state__in=TICKET_UNDECIDED)[:_QUEUE_BESIDE_CASE]
        context = {
            **self.admin_site.each_context(request),
            "title": desk.headline(ticket),
            "opts": self.opts,
            "ticket": ticket,
            "payment": ticket.payment,
            "clock": desk.clock(ticket, now),
            "outcome": outcome,
            "line_facts": desk.line_facts(ticket),
            "history": desk.history(ticket),
            "conversation": [
                {
                    "author": desk.who(said.author, names),
                    "text": desk.note_words(said.text),
                    "is_internal": said.is_internal,
                    "at": said.at,
                }
                for said in ticket.messages.order_by("at", "pk")
            ],
            "beside": [(other, desk.clock(other, now)) for other in beside],
            "is_undecided": ticket.state in TICKET_UNDECIDED,
            "decided_by": desk.who(ticket.decided_by, names),
            "can_decide": self.has_change_permission(request, ticket),
            "approve_text": _approve_text(ticket, outcome),
            "reject_text": notices.preview(
                notices.REJECTED, ticket, decision_reason=_("(위에 적은 이유)")
            ),
            "suggestion": _suggestion(ticket),
            "decision": decision,
            "typed": typed,
            "problem": problem,
            "conflict": conflict,
        }
        status = 422 if problem else 409 if conflict else 200
        return TemplateResponse(request, "admin/support/ticket/case.html", context, status=status)


def _outcome(ticket: Ticket) -> desk.Outcome | None:
    if ticket.payment is None:
        return None
    try:
        return desk.outcome(ticket.payment, now=timezone.now())
    except NotPaid:
        return None


def _approve_text(ticket: Ticket, outcome: desk.Outcome | None) -> str:
    if outcome is None:
        return ""
    return notices.preview(
        notices.APPROVED,
        ticket,
        route="BANK" if outcome.is_bank else "CARRIER",
        expected_on=outcome.expected_on,
    )


def _suggestion(ticket: Ticket) -> str:
    """Words an agent may send as they are."""
    if ticket.reason == Ticket.Reason.DUPLICATE:
        return _("같은 결제가 두 번 된 것을 확인했어요.")
    if ticket.payment is not None and ticket.payment.used_at is None:
        return _("아직 사용하지 않은 상품이라 취소할 수 있어요.")
    return _("요청하신 내용을 확인했어요.")


def _won_seen(request: HttpRequest) -> int:
    typed = request.POST.get("expected_remaining_won", "")
    is_number = typed.isascii() and typed.isdigit() and len(typed) <= _WON_DIGITS
    return int(typed) if is_number else 0


def _decided_already(ticket_id: int) -> str:
    ticket = Ticket.objects.get(pk=ticket_id)
    who = desk.who(ticket.decided_by, _staff_names())
    if ticket.state == TicketState.WITHDRAWN:
        return _("그사이 고객이 요청을 거뒀어요. 아무것도 바뀌지 않았습니다.")
    return _("이미 결정된 요청이에요: {state}, {who}, {at}. 아무것도 바뀌지 않았습니다.").format(
        state=ticket.get_state_display(), who=who, at=moment(ticket.decided_at)
    )


def _unable(error: Exception) -> str:
    code = str(error.args[0]) if error.args else ""
    return {
        "REMAINING_CHANGED": _(
            "그사이 돌려줄 수 있는 금액이 바뀌었어요. 아래의 새 금액을 확인하고 다시 결정하세요."
        ),
        "ALREADY_REFUNDED": _("이미 모두 환불된 결제예요. 아무것도 바뀌지 않았습니다."),
        "NOT_PAID": _("결제되지 않은 주문이라 돌려줄 돈이 없어요."),
    }.get(code, _("돌려줄 돈이 없는 요청이에요."))


def _staff_names() -> dict[str, str]:
    people = get_user_model().objects.filter(is_staff=True)
    return {f"staff:{person.pk}": str(person) for person in people}
