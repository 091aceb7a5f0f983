"""Every address of the site; the two apps below bring their own."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from portal.views import (
    accounts,
    buyers,
    design,
    health,
    help,
    home,
    merchant,
    security,
    settlements,
    shop,
)
from portal.views.my import buyer, door, not_me, payment, payments, rules

pages = [
    path("", home.home, name="home"),
    path("help/", help.index, name="help"),
    path("help/<slug:slug>/", help.page, name="help-page"),
    path("design/", design.page, name="design"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("shop/<slug:slug>/", shop.shelf, name="shop"),
    path("shop/<slug:slug>/library/<str:token>/", shop.library, name="shop-library"),
    path("shop/<slug:slug>/library/<str:token>/file/", shop.download, name="shop-download"),
    path("shop/<slug:slug>/library/<str:token>/read/", shop.read, name="shop-read"),
    path("shop/<slug:slug>/<slug:product>/", shop.product_page, name="shop-product"),
    path("shop/<slug:slug>/<slug:product>/buy/", shop.buy, name="shop-buy"),
    path("my/", payments.home, name="my"),
    path("my/code/", door.code, name="my-code"),
    path("my/code/again/", door.code_again, name="my-code-again"),
    path("my/leave/", door.leave, name="my-leave"),
    path("my/rules/", rules.rules, name="my-rules"),
    path("my/payments.csv", payments.as_csv, name="my-csv"),
    path("my/payments.pdf", payments.as_pdf, name="my-pdf"),
    path("my/<str:reference>/", payment.detail, name="my-payment"),
    path("my/<str:reference>/receipt/", payment.receipt, name="my-receipt"),
    path("my/<str:reference>/receipt.pdf", payment.receipt_pdf, name="my-receipt-pdf"),
    path("my/<str:reference>/cancel/", payment.cancel, name="my-cancel"),
    path("my/<str:reference>/buyer/", buyer.buyer, name="my-buyer"),
    path("my/<str:reference>/not-me/", not_me.not_me, name="my-not-me"),
    path("merchant/", merchant.home, name="merchant-home"),
    path("merchant/login/", accounts.SignIn.as_view(), name="login"),
    path("merchant/login/code/", accounts.code, name="login-code"),
    path("merchant/logout/", accounts.SignOut.as_view(), name="logout"),
    path("account/", security.home, name="security"),
    path("account/password/", security.Password.as_view(), name="password"),
    path("account/second-factor/", security.set_up, name="second-factor"),
    path("account/second-factor/codes/", security.codes, name="recovery-codes"),
    path("account/second-factor/off/", security.off, name="second-factor-off"),
    path("account/sessions/out/", security.out_everywhere, name="sessions-out"),
    path("account/sessions/<str:name>/out/", security.out, name="session-out"),
    path("merchant/payments/", merchant.payments, name="merchant-payments"),
    path("merchant/payments/<str:reference>/", merchant.payment, name="merchant-payment"),
    path("merchant/refunds/", merchant.refunds, name="merchant-refunds"),
    path("merchant/buyers/", buyers.requests, name="merchant-buyers"),
    path("merchant/buyers/<str:reference>/", buyers.answer, name="merchant-buyer"),
    path("merchant/settlements/", settlements.settlements, name="merchant-settlements"),
    path("merchant/settlements.csv", settlements.settlements_csv, name="merchant-settlements-csv"),
    path(
        "merchant/settlement-lines.csv", settlements.lines_csv, name="merchant-settlement-lines-csv"
    ),
    path("merchant/payments.csv", merchant.payments_csv, name="merchant-csv"),
    path("merchant/days.csv", merchant.days_csv, name="merchant-days-csv"),
]

urlpatterns = [
    path("", include((pages, "portal"))),
    path("", include("payments.urls")),
    path("support/", include("support.urls")),
    # One door to sign in by, so that wrong passwords are counted in one place.
    path("admin/login/", RedirectView.as_view(pattern_name="portal:login", query_string=True)),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]
handler400 = "portal.views.errors.bad_request"
handler500 = "portal.views.errors.server_error"
