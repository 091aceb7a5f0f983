"""Resetting somebody's second factor: for who lost both the app and the recovery codes.

Whoever does it writes why, and it stays on the trail. Nobody does it for themselves: that would be
a way around it for whoever sits down at a browser left open.
"""

from django.contrib import messages
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal import second_factor
from portal.middleware import client_address
from portal.models import User
from support.forms import reason_problem


class ResetsSecondFactor(UserAdmin[User]):
    """The part of the accounts' admin that resets a second factor."""

    def get_urls(self) -> list[URLPattern]:
        """One page more under an account."""
        view = require_http_methods(["GET", "HEAD", "POST"])(self.reset_view)
        return [
            path(
                "<int:pk>/second-factor/",
                self.admin_site.admin_view(view),
                name="portal_user_second_factor",
            ),
            *super().get_urls(),
        ]

    def reset_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whose, why, and the button."""
        if not request.user.has_perm("portal.reset_secondfactor"):
            raise PermissionDenied
        user = get_object_or_404(User, pk=pk)
        if user == request.user or (user.is_superuser and not request.user.is_superuser):
            raise PermissionDenied
        back = reverse("admin:portal_user_change", args=[pk])
        reason = request.POST.get("reason", "").strip()
        problem = ""
        if request.method == "POST":
            problem = reason_problem(reason, missing=_("왜 재설정하는지 적어 주세요"))
            if not problem:
                assert isinstance(request.user, User)  # noqa: S101 (has the permission)
                second_factor.reset(
                    user,
                    by=request.user,
                    reason=reason,
                    address=client_address(request),
                    now=timezone.now(),
                )
                messages.success(request, _("2단계 인증을 재설정하고 모든 곳에서 로그아웃했어요."))
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": _("2단계 인증 재설정"),
            "opts": self.opts,
            "name": user,
            "is_on": second_factor.of(user) is not None,
            "is_required": second_factor.is_required(user),
            "reason": reason,
            "problem": problem,
            "back": back,
        }
        status = 422 if problem else 200
        return TemplateResponse(request, "admin/portal/user/reset.html", context, status=status)
