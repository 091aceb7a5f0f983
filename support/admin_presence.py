"""The part of the case's page that says who else is here and what they have just done."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_safe

from support import desk, presence, tickets
from support.models import Ticket

_DIGITS = 18


class Presences(admin.ModelAdmin[Ticket]):
    """What an open case asks again and again."""

    def get_urls(self) -> list[URLPattern]:
        """One more address under a case."""
        view = self.admin_site.admin_view(require_safe(self.presence_view))
        return [
            path("<int:pk>/presence/", view, name="support_ticket_presence"),
            *super().get_urls(),
        ]

    def presence_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """I am still here; who else is? 204 while the page knows all there is."""
        if not request.user.has_perm("support.view_ticket"):
            raise PermissionDenied
        ticket = get_object_or_404(Ticket, pk=pk)
        is_writing = "writing" in request.GET
        me = request.user.pk or 0
        presence.stay(ticket_id=pk, user_id=me, is_writing=is_writing, now=timezone.now())
        if is_writing:
            # Said while typing, and nothing is asked.
            return HttpResponse(status=204)
        typed = request.GET.get("seen", "")
        seen = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= _DIGITS else 0
        context = facts(request, ticket, seen=seen)
        if request.GET.get("known") == context["presence"]["version"]:
            return HttpResponse(status=204)
        return render(request, "admin/support/ticket/_presence.html", context)


def facts(request: HttpRequest, ticket: Ticket, *, seen: int) -> dict[str, Any]:
    """Who else is here, and what others did behind the page's back. `version` tells two apart."""
    me = request.user.pk or 0
    here = presence.others(ticket_id=ticket.pk, but=me, now=timezone.now())
    news = tickets.unseen(ticket, seen, by=f"staff:{me}")
    news = [event for event in news if event.actor != f"staff:{me}"]
    marks = [f"{row.user_id}{'w' if is_writing else ''}" for row, is_writing in here]
    return {
        "ticket": ticket,
        "presence": {
            "here": [(str(row.user), is_writing) for row, is_writing in here],
            "news": desk.deeds(news, _staff_names()) if news else [],
            "seen": seen,
            "version": "-".join([*marks, f"e{news[-1].pk if news else 0}"]),
        },
    }


def _staff_names() -> dict[str, str]:
    people = get_user_model().objects.filter(is_staff=True)
    return {f"staff:{person.pk}": str(person) for person in people}
