"""Signing in and out: one door for merchants' people and for the desk."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse
from django.urls import reverse

from portal.forms import SignInForm


class SignIn(LoginView):
    """E-mail and password. The session gets a new id on the way in (Django's `login`)."""

    template_name = "portal/login.html"
    authentication_form = SignInForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Without Django's own `site`, which is only a host name: ours is in portal/context.py."""
        context = super().get_context_data(**kwargs)
        del context["site"], context["site_name"]
        return context

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """The form again with what was wrong."""
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_default_redirect_url(self) -> str:
        """Staff go to the desk, merchants' people to their back office."""
        user = self.request.user
        if user.is_authenticated and user.is_staff:
            return reverse("admin:index")
        return reverse("portal:merchant-home")


class SignOut(LogoutView):
    """Out, and back to the door."""

    next_page = "portal:login"
