"""The desk: tickets, their clocks, the agents' admin, request and tracking pages."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SupportConfig(AppConfig):
    """May import payments; payments never imports it."""

    name = "support"
    verbose_name = _("고객센터")
