"""What a person may do to a row of the money: announced, confirmed, with a reason, then done.

A step is one call of a use case. Its page says what will happen before it does, and whoever could
not take it finds why. What was typed is kept when it could not be done.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from payments import admin_owners, decisions
from payments.admin import LookOnly
from payments.models import Proposal

# Not to be taken and not worth a word: the row is not of that kind.
NOT_OFFERED = ""


class Unable(Exception):
    """The step was not taken; carries why, in words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True)
class Step:
    """One thing to do: `name` is the end of its address, `title` its button.

    `means` says what will happen; `closed` why it cannot now, NOT_OFFERED to say nothing, None when
    it can. `take` does it and returns what to say then, or raises Unable.
    """

    name: str
    title: StrOrPromise
    permission: str
    means: Callable[[Any], str]
    take: Callable[..., str]
    closed: Callable[[Any], str | None]
    label: StrOrPromise = ""
    seen: Callable[[Any], str] = field(default=lambda _row: "")
    needs_reason: bool = True


@dataclass(frozen=True)
class Offer:
    """A step as a row's page shows it."""

    title: StrOrPromise
    means: str
    closed: str | None
    url: str
    proposal: Proposal | None


class Stepping(LookOnly):
    """A list and pages to look at, and the steps."""

    steps: tuple[Step, ...] = ()
    # What its alerts call such a row: `refund` of `refund:12`. Empty when it has none.
    about = ""
    change_form_template = "admin/payments/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        """One address more a step."""
        of_steps = [
            path(
                f"<int:pk>/{step.name}/",
                self.admin_site.admin_view(self._view_of(step)),
                name=self._url_name(step),
            )
            for step in self.steps
        ]
        return [*of_steps, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One row and what may be done with it."""
        row = self.get_object(request, object_id)
        context: dict[str, Any] = {"steps": self.offers(request, row)} if row else {}
        if row and self.about:
            context |= admin_owners.context(f"{self.about}:{row.pk}")
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def offers(self, request: HttpRequest, row: Any) -> list[Offer]:
        """The steps this person may take with this row, those that are closed now included."""
        found = []
        for step in self.steps:
            closed = step.closed(row)
            if request.user.has_perm(step.permission) and closed != NOT_OFFERED:
                url = reverse(f"admin:{self._url_name(step)}", args=[row.pk])
                what, subject = self.proposal_of(row, step)
                proposal = decisions.pending(what, subject=subject)
                found.append(Offer(step.title, step.means(row), closed, url, proposal))
        return found

    def name_of(self, row: Any) -> str:
        """What the list calls the row."""
        return strip_tags(self.list_display[0](row))

    def _url_name(self, step: Step) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{step.name.replace('-', '_')}"

    def _view_of(self, step: Step) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            if not request.user.has_perm(step.permission):
                raise PermissionDenied
            row = self.get_object(request, str(pk))
            if row is None:
                raise Http404
            return self._take(request, row, step)

        return view

    def _take(self, request: HttpRequest, row: Any, step: Step) -> HttpResponse:
        back = reverse(f"admin:payments_{self.opts.model_name}_change", args=[row.pk])
        closed = step.closed(row)
        if closed is not None:
            messages.error(
                request, closed or _("지금은 할 수 없는 일이에요. 아무것도 바뀌지 않았어요.")
            )
            return HttpResponseRedirect(back)
        if request.method != "POST":
            return self._ask(request, row, step)
        reason = request.POST.get("reason", "").strip()
        try:
            said = step.take(
                row,
                seen=request.POST.get("seen", ""),
                reason=reason,
                by=request.user.get_username(),
                now=timezone.now(),
            )
        except decisions.ReasonMissing:
            return self._ask(request, row, step, problem=_("이유를 적어 주세요"))
        except decisions.SamePerson:
            words = _("이미 제안했어요. 다른 사람이 확정해야 해요.")
            return self._ask(request, row, step, conflict=words)
        except Unable as error:
            return self._ask(request, row, step, conflict=error.words)
        messages.success(request, f"{self.name_of(row)}: {said}")
        return HttpResponseRedirect(back)

    def _ask(
        self, request: HttpRequest, row: Any, step: Step, *, problem: str = "", conflict: str = ""
    ) -> HttpResponse:
        """The step before it is taken, again when it could not be."""
        row = self.get_object(request, str(row.pk)) or row
        closed = step.closed(row)
        what, subject = self.proposal_of(row, step)
        context = {
            **self.admin_site.each_context(request),
            "title": step.title,
            "opts": self.opts,
            "row": row,
            "name": self.name_of(row),
            "step": step,
            "is_open": closed is None,
            "means": step.means(row),
            "seen": step.seen(row),
            "typed": request.POST.get("reason", ""),
            "problem": problem,
            "conflict": conflict,
            "proposal": decisions.pending(what, subject=subject),
            "back": reverse(f"admin:payments_{self.opts.model_name}_change", args=[row.pk]),
        }
        status = 422 if problem else 409 if conflict else 200
        return TemplateResponse(request, "admin/payments/step.html", context, status=status)

    def proposal_of(self, row: Any, step: Step) -> tuple[str, str]:
        """Under which name and subject a first person would have proposed this step."""
        return f"{self.about}.{step.name}", f"{self.about}:{row.pk}"
