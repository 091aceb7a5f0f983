"""The site: accounts, shop, merchant back office; joins the desk and the money."""

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.core import checks
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    """The one app that may import the other two."""

    name = "portal"
    verbose_name = _("사람과 권한")

    def ready(self) -> None:
        """Hold the demo accounts out of real life at every start."""
        # By name: its module needs the models, which are there from now on, not before.
        checks.register(import_string("portal.demo.no_demo_accounts"), checks.Tags.database)
        # Accounts migrate after our apps: by then every permission there is has its row.
        post_migrate.connect(
            import_string("portal.roles.agree"),
            sender=apps.get_app_config("auth"),
            dispatch_uid="portal.roles",
        )


class DeskAdminConfig(AdminConfig):
    """Django's admin with our own site: the agents' desk."""

    default_site = "portal.desk.DeskSite"
