"""Accounts and shops for operator staff; the check that keeps demo accounts out of real life."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.core import checks
from django.utils.translation import gettext_lazy as _

from payments.models import Merchant
from portal import demo
from portal.models import User

# Registered here because the admin loads this module at every start.
checks.register(demo.no_demo_accounts, checks.Tags.database)


class AccountCreationForm(AdminUserCreationForm[User]):
    """A new account is known by its e-mail address."""

    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class AccountAdmin(UserAdmin[User]):
    """Who may sign in. An account belongs to the desk or to one shop, never to both."""

    add_form = AccountCreationForm
    list_display = ("email", "name", "merchant", "is_staff", "is_active")
    list_filter = ("is_staff", "is_active", "merchant")
    search_fields = ("email", "name")
    ordering = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "password", "name", "merchant")}),
        (_("권한"), {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)
    filter_horizontal = ("groups",)


@admin.register(Merchant)
class MerchantAdmin(admin.ModelAdmin[Merchant]):
    """The shops and what they pay."""

    list_display = ("name", "slug", "phone", "fee_bps", "refund_days", "is_active")
    search_fields = ("name", "slug")

    def has_delete_permission(self, request: Any, obj: Merchant | None = None) -> bool:
        """Money hangs on a shop: it is switched off, not deleted."""
        return False
