"""The desk: tickets, their clocks, the agents' admin, request and tracking pages."""

from django.apps import AppConfig
from django.db.models.signals import post_save
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _


class SupportConfig(AppConfig):
    """May import payments; payments never imports it."""

    name = "support"
    verbose_name = _("고객센터")

    def ready(self) -> None:
        """Deletions and decisions about money go on the trail; the scanner is there."""
        # By name: these modules need the models, which are there from now on, not before.
        post_save.connect(
            import_string("support.deletions.record_deletion"),
            sender="admin.LogEntry",
            dispatch_uid="support.deletions",
        )
        import_string("payments.decisions.decided").connect(
            import_string("support.decided.record_decision"), dispatch_uid="support.decided"
        )
        import_string("support.scanning.check_settings")()
