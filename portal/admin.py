"""Accounts and shops for operator staff."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.admin import Named, column
from payments.models import Merchant
from portal.account_mails import Change, telling_of_password
from portal.admin_second_factor import ResetsSecondFactor
from portal.models import User

# What a group may do is written in portal/roles.py and held by tests, not clicked together.
admin.site.unregister(Group)


class AccountCreationForm(UserCreationForm[User]):
    """A new account is known by its e-mail address."""

    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class AccountAdmin(Named, ResetsSecondFactor):
    """Who may sign in. An account belongs to the desk or to one shop, never to both."""

    actions = None
    show_facets = admin.ShowFacets.NEVER
    add_form = AccountCreationForm
    list_display = ("email", "name", "merchant", "is_staff", "is_active")
    list_filter = ("is_staff", "is_active")
    list_select_related = ("merchant",)
    search_fields = ("email", "name")
    search_help_text = _("이메일이나 이름")
    ordering = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "password", "name", "merchant")}),
        (_("권한"), {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "password1", "password2")}),)
    filter_horizontal = ()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody makes a superuser without being one, or raises themselves."""
        if request.user.is_superuser:
            return ()
        mine = ("is_staff", "groups") if obj and obj.pk == request.user.pk else ()
        return ("is_superuser", *mine)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Somebody else's new password, which that person hears of by mail."""
        user = self.get_object(request, unquote(id))
        if user is None or request.method != "POST":
            return super().user_change_password(request, id, form_url)
        with telling_of_password(user, Change.PASSWORD_SET, now=timezone.now()):
            return super().user_change_password(request, id, form_url)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser's account, and its password, is a superuser's to change."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """The few groups there are, to tick."""
        kwargs["widget"] = forms.CheckboxSelectMultiple
        kwargs["help_text"] = ""
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class MerchantForm(forms.ModelForm[Merchant]):
    """A shop under the words people use."""

    class Meta:
        model = Merchant
        fields = (
            "name",
            "slug",
            "phone",
            "email",
            "hours",
            "fee_bps",
            "refund_days",
            "parts",
            "is_active",
        )
        labels = {
            "name": _("이름"),
            "slug": _("주소에 쓰는 이름"),
            "phone": _("전화"),
            "email": _("이메일"),
            "hours": _("상담 시간"),
            "fee_bps": _("수수료"),
            "refund_days": _("청약철회 기간(일)"),
            "is_active": _("결제를 받음"),
        }
        help_texts = {"fee_bps": _("만분율이에요. 700은 7%예요.")}


def _fee(merchant: Merchant) -> str:
    return f"{merchant.fee_bps / 100:g}%"


@admin.register(Merchant)
class MerchantAdmin(Named):
    """The shops and what they pay."""

    form = MerchantForm
    actions = None
    show_facets = admin.ShowFacets.NEVER
    list_display = (
        column("name", _("이름"), lambda row: row.name),
        column("slug", _("주소에 쓰는 이름"), lambda row: row.slug),
        column("phone", _("전화"), lambda row: row.phone),
        column("fee", _("수수료"), _fee),
        column("refund_days", _("청약철회 기간(일)"), lambda row: row.refund_days),
        column("active", _("결제를 받음"), lambda row: _("예") if row.is_active else _("아니요")),
    )
    search_fields = ("name", "slug")
    search_help_text = _("이름")
    ordering = ("name",)

    def has_delete_permission(self, request: Any, obj: Merchant | None = None) -> bool:
        """Money hangs on a shop: it is switched off, not deleted."""
        return False
