"""The agents' desk: the queue and the case, on Django's own admin.

A case moves by one call of a use case; no field of it is ever typed over. Whoever decides sends
along the last change that was on the screen (`seen`): a case that changed since is shown again,
with what changed and with everything that was typed.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import decisions, refunds, states
from payments.admin import column
from payments.calendar import NotPaid
from payments.templatetags.won import full_day, moment, won
from support import (
    admin_files,
    admin_presence,
    attachments,
    bulk,
    desk,
    forms,
    macros,
    notices,
    office,
    presence,
    queue,
    ratings,
    replies,
    routes,
    saved_views,
    steps,
    tickets,
    today,
)
from support.admin_audit import AuditEntryAdmin
from support.admin_bulk import Bulks
from support.admin_files import Files
from support.admin_intake import Intakes
from support.admin_mails import InboundMailAdmin
from support.admin_presence import Presences
from support.admin_reveal import Reveals
from support.admin_saved_views import VIEWS, SavedViews
from support.admin_sharing import Shares
from support.files import Accepted
from support.models import DayException, Macro, Ticket, TicketEvent, pk_of_number
from support.queue import View
from support.states import TICKET_UNDECIDED, TicketState

__all__ = [
    "AuditEntryAdmin",
    "DayExceptionAdmin",
    "InboundMailAdmin",
    "MacroAdmin",
    "TicketAdmin",
]

_QUEUE_BESIDE_CASE = 6
_DIGITS = 18
_STEPS = frozenset({steps.ASK, steps.REFER, steps.DUPLICATE, steps.REOPEN, steps.REPLY})
_TAKE_BACK = "take-back"
_HANDING = frozenset({"claim", "release", "assign"})
_WRITING = frozenset({"approve", "reject", "close", "note", "answer"}) | _STEPS


@admin.register(Ticket)
class TicketAdmin(Reveals, Files, Presences, Bulks, Shares, Intakes, SavedViews):
    """Queue and case."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Requests come from shoppers, or are taken down (`admin_intake`)."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Ticket | None = None) -> bool:
        """Requests stay."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The queue, led by a sentence."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        now, user_id = timezone.now(), request.user.pk or 0
        saved = self.saved_view(request)
        term = saved.term if saved else request.GET.get("q", "").strip()
        view = _view(saved.view if saved else request.GET.get("view", ""))
        after = request.GET.get("after", "")
        try:
            if term:
                page = queue.search(term, after=after)
            else:
                page = queue.page(queue.cases(view, user_id=user_id, now=now), after=after)
        except queue.NotACursor:
            raise Http404 from None
        counts = queue.counts(user_id=user_id, now=now)
        onward = request.GET.copy()
        onward["after"] = page.onward
        context = {
            **self.admin_site.each_context(request),
            "title": today.headline(counts[View.TODO]),
            "today": None if term else today.of(now),
            "opts": self.opts,
            "term": term,
            "views": [
                (name, words, _count(counts.get(name)), name == view and not (term or saved))
                for name, words in VIEWS.items()
            ],
            "saved": saved,
            "saved_views": [
                (one, "" if one.term_sealed else _count(counts.get(View(one.view))))
                for one in saved_views.of(user_id)
            ],
            "view": view,
            "rows": [(ticket, desk.clock(ticket, now)) for ticket in page.rows],
            "onward": f"?{onward.urlencode()}" if page.onward else "",
            "is_onward": "after" in request.GET,
            "can_choose": self.has_change_permission(request),
            "last_run": bulk.last_run(request.user.pk or 0),
        }
        return TemplateResponse(request, "admin/support/ticket/queue.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The case; a POST is what the agent does with it."""
        ticket = self._ticket(request, object_id)
        if request.method != "POST":
            return self._case(request, ticket)
        if not self.has_change_permission(request, ticket):
            raise PermissionDenied
        decision = request.POST.get("decision", "")
        if "back" in request.POST:
            # From a step that was looked at and not taken: everything typed is still there.
            kept: dict[str, Any] = {
                "decision": request.POST["back"],
                "typed": request.POST.get("reason", ""),
            }
            return self._case(request, ticket, **kept)
        if decision in _HANDING:
            return self._hand_over(request, ticket, decision)
        if decision == _TAKE_BACK:
            return self._take_back(request, ticket)
        if decision in _WRITING:
            return self._act(request, ticket, decision)
        raise Http404

    def _ticket(self, request: HttpRequest, object_id: str) -> Ticket:
        if not object_id.isascii() or not object_id.isdigit() or len(object_id) > _DIGITS:
            raise Http404
        rows = Ticket.objects.select_related(
            "payment__merchant", "refund", "assignee", "duplicate_of", "buyer__given_by"
        )
        ticket = rows.filter(pk=int(object_id)).first()
        if ticket is None:
            raise Http404
        if not self.has_view_or_change_permission(request, ticket):
            raise PermissionDenied
        return ticket

    def _hand_over(self, request: HttpRequest, ticket: Ticket, decision: str) -> HttpResponse:
        facts: dict[str, Any] = {
            "ticket_id": ticket.pk,
            "by": f"staff:{request.user.pk}",
            "now": timezone.now(),
        }
        try:
            if decision == "claim":
                tickets.claim(user_id=request.user.pk or 0, **facts)
            elif decision == "release":
                tickets.release(**facts)
            else:
                if not request.user.has_perm("support.assign_ticket"):
                    raise PermissionDenied
                tickets.assign(user_id=_colleague(request), **facts)
        except tickets.AlreadyTaken as error:
            words = _("그사이 {name} 님이 맡았어요.").format(name=error.ticket.assignee)
            return self._again(request, ticket, conflict=words)
        except states.IllegalMove:
            return self._again(request, ticket, conflict=_("이미 닫힌 요청이에요."))
        return HttpResponseRedirect(request.path)

    def _take_back(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        try:
            replies.withdraw(
                reply_id=_number(request, "reply"),
                by=f"staff:{request.user.pk}",
                now=timezone.now(),
            )
        except replies.TooLate:
            return self._again(request, ticket, conflict=_("이미 나간 답장이라 거둘 수 없어요."))
        messages.success(request, _("답장을 거뒀어요. 고객에게 아무것도 가지 않았어요."))
        return HttpResponseRedirect(request.path)

    def _act(self, request: HttpRequest, ticket: Ticket, decision: str) -> HttpResponse:
        typed = request.POST.get("reason", "").strip()
        first = _first(request) if decision == steps.DUPLICATE else None
        missing = _("적은 것이 없어요") if decision in {"note", "answer", steps.REPLY} else ""
        problem = forms.reason_problem(typed, missing=missing)
        if decision == steps.APPROVE and (answer := self._approve_first(request, ticket, problem)):
            return answer
        if not problem and decision == steps.DUPLICATE and first is None:
            problem = _("먼저 들어온 요청의 번호를 C-20417처럼 적어 주세요")
        kept: dict[str, Any] = {"decision": decision, "typed": typed}
        files, file_problem = admin_files.taken(request) if decision == "answer" else ([], "")
        if decision == steps.REPLY:
            kept["new_files"], file_problem = admin_files.draft(request, ticket)
        if problem or file_problem:
            kept |= {"problem": problem, "file_problem": file_problem}
            return self._case(request, ticket, **kept)
        if decision in _STEPS and "confirmed" not in request.POST:
            new = kept.get("new_files", [])
            return self._confirm(request, ticket, decision, typed, first, new_files=new)
        try:
            said = _carry_out(request, ticket, decision, typed, first, files)
        except attachments.TooMany:
            return self._case(request, ticket, file_problem=admin_files.too_many(), **kept)
        except attachments.Gone:
            conflict = _("함께 보낼 파일이 더는 없어요. 다시 골라 주세요.")
            return self._again(request, ticket, conflict=conflict, **kept)
        except tickets.ChangedMeanwhile as error:
            conflict = _("그사이 이 요청이 바뀌었어요. 바뀐 것을 보고 다시 결정하세요.")
            return self._again(request, ticket, conflict=conflict, since=error.events, **kept)
        except (states.IllegalMove, replies.Closed):
            since = tickets.unseen(ticket, _number(request, "seen") or None, by="")
            return self._again(request, ticket, conflict=_moved_on(ticket.pk), since=since, **kept)
        except (
            refunds.UnableToRefund,
            tickets.NothingToRefund,
            tickets.NotTheSameMatter,
            tickets.AlreadyOpen,
            decisions.SamePerson,
        ) as error:
            return self._again(request, ticket, conflict=_unable(error), **kept)
        if not said:
            return HttpResponseRedirect(request.path)
        # On to the next case, so that an agent never has to look for it; to the queue when done.
        onward = queue.next_case(user_id=request.user.pk or 0, now=timezone.now(), but=ticket.pk)
        following = _("이어서 다음 요청이에요.") if onward else _("남은 요청이 없어요.")
        messages.success(request, f"{ticket.number}: {said} {following}")
        if onward is None:
            url = reverse("admin:support_ticket_changelist")
        else:
            url = reverse("admin:support_ticket_change", args=[onward.pk])
        # From the top, said aloud: a browser takes the fragment of the last page along, and with it
        # the keyboard to the button that has just been pressed.
        return HttpResponseRedirect(f"{url}#content-start")

    def _approve_first(
        self, request: HttpRequest, ticket: Ticket, problem: str
    ) -> HttpResponse | None:
        """What stands between the press and the approval: an error, or a part to look at again."""
        seen_won = _number(request, "expected_remaining_won")
        amount = request.POST.get("amount", "")
        amount_problem = forms.amount_problem(amount, remaining_won=seen_won)
        kept: dict[str, Any] = {
            "decision": steps.APPROVE,
            "typed": request.POST.get("reason", "").strip(),
        }
        if problem or amount_problem:
            kept |= {"problem": problem, "amount_problem": amount_problem}
            return self._case(request, ticket, **kept)
        wanted_won = forms.read_won(amount)
        if "confirmed" in request.POST or wanted_won == seen_won:
            return None
        outcome = _outcome(ticket)
        if outcome is None or outcome.remaining_won != seen_won:
            # Nothing is promised on old figures: the use case says what is true now.
            return None
        if not outcome.can_be_part:
            return self._case(request, ticket, amount_problem=outcome.part, **kept)
        return self._confirm(request, ticket, steps.APPROVE, kept["typed"], None)

    def _confirm(
        self,
        request: HttpRequest,
        ticket: Ticket,
        decision: str,
        typed: str,
        first: Ticket | None,
        *,
        new_files: Collection[int] = (),
    ) -> HttpResponse:
        outcome = None
        drafts = admin_files.kept(request, ticket, new=new_files) if decision == steps.REPLY else []
        if decision == steps.APPROVE:
            outcome = _outcome(ticket, amount_won=forms.read_won(request.POST.get("amount", "")))
            reader, words = notices.reader(ticket), _approve_text(ticket, outcome)
        else:
            reader, words = steps.text(
                decision, ticket, typed=typed, first=first, files=len(drafts)
            )
        step = steps.of(decision)
        context = {
            **self.admin_site.each_context(request),
            "title": step.title,
            "opts": self.opts,
            "ticket": ticket,
            "step": step,
            "outcome": outcome,
            "typed": typed,
            "number": request.POST.get("number", ""),
            "waits": "waits" in request.POST,
            "drafts": drafts,
            "seen": request.POST.get("seen", ""),
            "reader": reader,
            "text": words,
        }
        return TemplateResponse(request, "admin/support/ticket/confirm.html", context)

    def _again(self, request: HttpRequest, ticket: Ticket, **facts: Any) -> HttpResponse:
        """The world moved on since the page was loaded: say so, and keep what the agent wrote."""
        return self._case(request, self._ticket(request, str(ticket.pk)), **facts)

    def _case(
        self,
        request: HttpRequest,
        ticket: Ticket,
        *,
        decision: str = "",
        typed: str = "",
        problem: str = "",
        amount_problem: str = "",
        file_problem: str = "",
        new_files: Collection[int] = (),
        conflict: str = "",
        since: list[TicketEvent] | None = None,
    ) -> HttpResponse:
        now = timezone.now()
        outcome = _outcome(ticket)
        names = _staff_names()
        beside = queue.cases(View.TODO, user_id=request.user.pk or 0, now=now)
        can_change = self.has_change_permission(request, ticket)
        seen = tickets.last_change(ticket)
        presence.arrive(ticket_id=ticket.pk, user_id=request.user.pk or 0, now=now)
        context = {
            **self.admin_site.each_context(request),
            **admin_presence.facts(request, ticket, seen=seen),
            "title": desk.headline(ticket),
            "opts": self.opts,
            "ticket": ticket,
            "payment": ticket.payment,
            "clock": desk.clock(ticket, now),
            "deadlines": desk.deadlines(ticket, now),
            "outcome": outcome,
            "line_facts": desk.line_facts(ticket),
            "history": desk.history(ticket, names),
            "conversation": desk.conversation(
                ticket, names, admin_files.of_conversation(request, ticket)
            ),
            "beside": [(other, desk.clock(other, now)) for other in beside[:_QUEUE_BESIDE_CASE]],
            "is_undecided": ticket.state in TICKET_UNDECIDED,
            "is_waiting": ticket.state
            in (TicketState.WAITING_CUSTOMER, TicketState.WAITING_MERCHANT),
            "rating": ratings.standing(ticket, now=now).rating,
            "decided_by": desk.who(ticket.decided_by, names),
            "can_decide": can_change,
            "can_reveal": request.user.has_perm("support.reveal_ticket"),
            "is_mine": ticket.assignee_id == request.user.pk,
            "colleagues": _colleagues() if request.user.has_perm("support.assign_ticket") else [],
            "steps": steps.available(ticket) if can_change else [],
            **_reply_facts(request, ticket, can_change=can_change, kept=(decision, typed)),
            "reader": notices.reader(ticket),
            **admin_files.facts(request, ticket, new=new_files),
            "file_problem": file_problem,
            "approve_text": _approve_text(ticket, outcome),
            "answer_text": _answer_text(ticket),
            "reject_text": notices.preview(
                notices.REJECTED, ticket, decision_reason=_("(위에 적은 이유)")
            ),
            "suggestion": _suggestion(ticket),
            "seen": seen,
            "decision": decision,
            "typed": typed,
            "number": request.POST.get("number", ""),
            "problem": problem,
            "amount": _amount_shown(request, outcome) if decision == steps.APPROVE else None,
            "amount_problem": amount_problem,
            "conflict": conflict,
            "since": desk.deeds(since or [], names),
        }
        is_wrong = problem or amount_problem or file_problem
        status = 422 if is_wrong else 409 if conflict else 200
        return TemplateResponse(request, "admin/support/ticket/case.html", context, status=status)


class Listed(admin.ModelAdmin[Any]):
    """A plain table under its own name: Django's titles are for developers."""

    actions = None
    show_facets = admin.ShowFacets.NEVER

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list."""
        title = {"title": self.opts.verbose_name_plural}
        return super().changelist_view(request, title | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A row, old or new."""
        title = {"title": self.opts.verbose_name, "subtitle": None}
        return super().changeform_view(request, object_id, form_url, title | (extra_context or {}))


@admin.register(DayException)
class DayExceptionAdmin(Listed):
    """Days on which the desk's calendar is not the usual one; deadlines follow at once."""

    list_display = (
        column("date", gettext_lazy("날짜"), lambda row: full_day(row.day)),
        column("name", gettext_lazy("이름"), lambda row: row.name),
        column(
            "open", gettext_lazy("일하는 날"), lambda row: _("예") if row.is_open else _("아니요")
        ),
    )
    search_fields = ("name",)
    search_help_text = gettext_lazy("이름")

    def get_readonly_fields(
        self, request: HttpRequest, obj: DayException | None = None
    ) -> tuple[str, ...]:
        """Another day is another row: deadlines under the old one would stay as they are."""
        return ("day",) if obj else ()

    def save_model(
        self,
        request: HttpRequest,
        obj: DayException,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Write the day and move the deadlines under it, in one commit."""
        super().save_model(request, obj, form, change)
        self._recount(request, obj)

    def delete_model(self, request: HttpRequest, obj: DayException) -> None:
        """The usual calendar again."""
        super().delete_model(request, obj)
        self._recount(request, obj)

    def _recount(self, request: HttpRequest, day: DayException) -> None:
        moved = office.recount(day, by=f"staff:{request.user.pk}", now=timezone.now())
        messages.info(request, _("답변 기한 {count}건이 옮겨졌어요.").format(count=moved))


class MacroForm(ModelForm[Macro]):
    """A macro whose gaps all have something to fill them."""

    class Meta:
        model = Macro
        fields = ("name", "text", "kind", "waits", "is_active")
        help_texts = {
            "text": format_lazy(
                gettext_lazy("빈칸: {names}"),
                names=" ".join(f"{{{name}}}" for name in macros.NAMES),
            )
        }

    def clean_text(self) -> str:
        """Refuse a gap nobody can fill, and resident numbers."""
        text = forms.without_resident_number(self.cleaned_data["text"])
        try:
            macros.check(text)
        except macros.UnknownGap as error:
            raise ValidationError(
                _("모르는 빈칸이에요: {name}").format(name=f"{{{error.name}}}")
            ) from error
        return text


@admin.register(Macro)
class MacroAdmin(Listed):
    """Ready-made replies."""

    form = MacroForm
    list_display = (
        column("name", gettext_lazy("이름"), lambda row: row.name),
        column("kind", gettext_lazy("요청 종류"), lambda row: row.get_kind_display() or _("모두")),
        column("text", gettext_lazy("글"), lambda row: row.text),
        column("active", gettext_lazy("씀"), lambda row: _("예") if row.is_active else _("아니요")),
    )
    search_fields = ("name", "text")
    search_help_text = gettext_lazy("이름이나 글")


def _carry_out(
    request: HttpRequest,
    ticket: Ticket,
    decision: str,
    typed: str,
    first: Ticket | None,
    files: Sequence[Accepted],
) -> str:
    """Do it; returns what to tell the agent on the next case, nothing to stay on this one."""
    facts: dict[str, Any] = {
        "ticket_id": ticket.pk,
        "by": f"staff:{request.user.pk}",
        "now": timezone.now(),
    }
    seen = _number(request, "seen")
    if decision == "note":
        tickets.add_note(text=typed, **facts)
        return ""
    if decision == "answer":
        is_customer = ticket.state == TicketState.WAITING_CUSTOMER
        heard = tickets.customer_answered if is_customer else tickets.merchant_answered
        heard(text=typed, files=files, **facts)
        return ""
    if decision == steps.REPLY:
        drafts, waits = admin_files.promised(request), "waits" in request.POST
        replies.write(text=typed, waits=waits, drafts=drafts, seen=seen, **facts)
        return ""
    if decision == steps.REOPEN:
        tickets.reopen(reason=typed, seen=seen, **facts)
        return ""
    if decision == "approve":
        approved = tickets.approve(
            expected_remaining_won=_number(request, "expected_remaining_won"),
            amount_won=forms.read_won(request.POST.get("amount", "")),
            reason=typed,
            seen=seen,
            **facts,
        )
        if approved.state != TicketState.APPROVED:
            return _("큰 금액이라 다른 사람이 한 번 더 승인해야 해요. 승인을 제안해 두었어요.")
        return _("승인했어요. 환불을 예약했고, 결과를 고객에게 알려요.")
    if decision == "reject":
        tickets.reject(reason=typed, seen=seen, **facts)
        return _("거절했어요. 결과를 고객에게 알립니다.")
    if decision == "close":
        tickets.answer(text=typed, seen=seen, **facts)
        return _("답하고 끝냈어요. 답을 고객에게 알립니다.")
    if decision == steps.ASK:
        tickets.ask_customer(question=typed, seen=seen, **facts)
        return _("고객에게 물었어요. 답이 오면 다시 할 일에 들어와요.")
    if decision == steps.REFER:
        tickets.ask_merchant(question=typed, seen=seen, **facts)
        return _("판매자에게 물었어요. 답이 오면 여기에 적어 주세요.")
    tickets.mark_duplicate(first_id=first.pk if first else 0, reason=typed, seen=seen, **facts)
    return _("같은 요청으로 닫고 고객에게 알렸어요.")


def _reply_facts(
    request: HttpRequest, ticket: Ticket, *, can_change: bool, kept: tuple[str, str]
) -> dict[str, Any]:
    """The reply being written: what was typed, or the chosen macro with its gaps filled."""
    if not can_change or ticket.is_final:
        return {"can_reply": False}
    offered, chosen = macros.offered(ticket), request.GET.get("macro", "")
    macro = next((macro for macro in offered if str(macro.pk) == chosen), None)
    decision, typed = kept
    is_typed = decision == steps.REPLY
    waits = "waits" in request.POST if is_typed else bool(macro and macro.waits)
    return {
        "can_reply": True,
        "reply_step": steps.of(steps.REPLY),
        "macros": offered,
        "macro": macro,
        "reply_text": typed if is_typed else macros.filled(macro.text, ticket) if macro else "",
        "reply_waits": waits,
        "by_mail": bool(ticket.email_sealed),
        "on_hold": [
            (
                reply,
                reply.author == f"staff:{request.user.pk}",
                admin_files.of_reply(request, reply),
            )
            for reply in replies.on_hold(ticket)
        ],
    }


def _view(name: str) -> View:
    if not name:
        return View.TODO
    try:
        return View(name)
    except ValueError:
        raise Http404 from None


def _count(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count}" if count < queue.COUNT_UP_TO else f"{queue.COUNT_UP_TO - 1}+"


def _first(request: HttpRequest) -> Ticket | None:
    pk = pk_of_number(request.POST.get("number", ""))
    return Ticket.objects.filter(pk=pk).first() if pk else None


def _colleagues() -> list[Any]:
    people = get_user_model().objects.filter(is_staff=True, is_active=True)
    return list(people.order_by("email"))


def _colleague(request: HttpRequest) -> int:
    pk = _number(request, "colleague")
    if pk not in {person.pk for person in _colleagues()}:
        raise Http404
    return pk


def _number(request: HttpRequest, name: str) -> int:
    """A number of the form; 0 for none, which matches nothing."""
    typed = request.POST.get(name, "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= _DIGITS else 0


def _amount_shown(request: HttpRequest, outcome: desk.Outcome | None) -> str:
    """What was typed; who wanted all of it still does when all is less by now."""
    typed = request.POST.get("amount", "")
    is_all = forms.read_won(typed) == _number(request, "expected_remaining_won")
    return f"{outcome.remaining_won}" if is_all and outcome else typed


def _outcome(ticket: Ticket, amount_won: int | None = None) -> desk.Outcome | None:
    if ticket.payment is None or not ticket.is_about_money:
        return None
    try:
        return desk.outcome(ticket.payment, now=timezone.now(), amount_won=amount_won)
    except NotPaid:
        return None


def _approve_text(ticket: Ticket, outcome: desk.Outcome | None) -> str:
    if outcome is None:
        return ""
    return notices.preview(
        notices.APPROVED,
        ticket,
        amount_won=outcome.amount_won,
        is_bank=outcome.is_bank,
        because=outcome.because,
        expected_on=outcome.expected_on,
    )


def _answer_text(ticket: Ticket) -> str:
    if ticket.is_about_money:
        return ""
    return notices.preview(
        notices.ANSWERED,
        ticket,
        decision_reason=_("(위에 적은 답)"),
        has_papers=ticket.kind == Ticket.Kind.PURCHASE_HISTORY,
    )


def _suggestion(ticket: Ticket) -> str:
    """Words an agent may send as they are."""
    if ticket.kind == Ticket.Kind.PURCHASE_HISTORY:
        return _("요청하신 구매내역을 준비했어요.")
    if not ticket.is_about_money:
        return ""
    if ticket.reason == Ticket.Reason.DUPLICATE:
        return _("같은 결제가 두 번 된 것을 확인했어요.")
    if ticket.payment is not None and ticket.payment.used_at is None:
        return _("아직 사용하지 않은 상품이라 취소할 수 있어요.")
    return _("요청하신 내용을 확인했어요.")


def _moved_on(ticket_id: int) -> str:
    ticket = Ticket.objects.get(pk=ticket_id)
    if ticket.state == TicketState.WITHDRAWN:
        return _("그사이 고객이 요청을 거뒀어요. 아무것도 바뀌지 않았어요.")
    if ticket.decided_at is None:
        return _("지금은 할 수 없는 일이에요: {state}. 아무것도 바뀌지 않았어요.").format(
            state=ticket.get_state_display()
        )
    who = desk.who(ticket.decided_by, _staff_names())
    return _("이미 결정된 요청이에요: {state}, {who}, {at}. 아무것도 바뀌지 않았어요.").format(
        state=ticket.get_state_display(), who=who, at=moment(ticket.decided_at)
    )


def _unable(error: Exception) -> str:
    if isinstance(error, tickets.NotTheSameMatter):
        return _("같은 고객의 열린 요청이 아니에요. 번호를 확인해 주세요.")
    if isinstance(error, tickets.AlreadyOpen):
        return _("같은 결제의 요청 {number}이 열려 있어요. 거기에서 이어 가세요.").format(
            number=error.ticket.number
        )
    if isinstance(error, decisions.SamePerson):
        return _("이미 승인을 제안했어요. 다른 사람이 승인해야 해요.")
    code = str(error.args[0]) if error.args else ""
    left, why = "", ""
    if isinstance(error, refunds.UnableToRefund):
        left, why = won(error.remaining_won), routes.obstacles(error.reasons)
    return {
        "REMAINING_CHANGED": _(
            "그사이 돌려줄 수 있는 금액이 {amount}으로 바뀌었어요. 확인하고 다시 결정하세요."
        ).format(amount=left),
        "AMOUNT_EXCEEDED": _("{amount}까지 돌려줄 수 있어요").format(amount=left),
        "NO_ROUTE": _("이 금액을 돌려줄 길이 없어요. {why}").format(why=why),
        "ALREADY_REFUNDED": _("이미 모두 환불된 결제예요. 아무것도 바뀌지 않았어요."),
        "NOT_PAID": _("결제되지 않은 주문이라 돌려줄 돈이 없어요."),
    }.get(code, _("돌려줄 돈이 없는 요청이에요."))


def _staff_names() -> dict[str, str]:
    people = get_user_model().objects.filter(is_staff=True)
    return {f"staff:{person.pk}": str(person) for person in people}
