"""Signing in and out: one door for merchants' people and for the desk."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import reverse

from portal.forms import SignInForm


class SignIn(LoginView):
    """E-mail and password. The session gets a new id on the way in (Django's `login`)."""

    template_name = "portal/login.html"
    authentication_form = SignInForm

    def get_default_redirect_url(self) -> str:
        """Staff go to the desk, merchants' people to their back office."""
        user = self.request.user
        if user.is_authenticated and user.is_staff:
            return reverse("admin:index")
        return reverse("portal:merchant-home")


class SignOut(LogoutView):
    """Out, and back to the door."""

    next_page = "portal:login"
