"""The site: accounts, shop, merchant back office; joins the desk and the money."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    """The one app that may import the other two."""

    name = "portal"
    verbose_name = "Phonebill"


class DeskAdminConfig(AdminConfig):
    """Django's admin with our own site: the agents' desk."""

    default_site = "portal.desk.DeskSite"
