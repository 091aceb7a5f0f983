"""The agents' desk: Django's admin under our name and look."""

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class DeskSite(AdminSite):
    """Stock admin, our words."""

    site_header = _("Phonebill 고객센터")
    site_title = _("고객센터")
    index_title = _("오늘 할 일")
    enable_nav_sidebar = False
