"""Addresses: the standard's APIs under each root, the extras and the pages under the first."""

from django.urls import URLPattern, include, path, re_path
from django.urls.resolvers import URLResolver
from django.views.generic import RedirectView

from payments.carriers.sandbox import billing, identity, pages, pins, refunds, witness
from payments.carriers.sandbox.http import api
from payments.carriers.sandbox.lines import OPERATORS

_billing = [
    path("payments", api(GET=billing.list_payments, POST=billing.create)),
    path("payments/prepare", api(POST=billing.prepare)),
    path("payments/<str:payment_id>", api(GET=billing.retrieve)),
    path("payments/<str:payment_id>/validate", api(POST=billing.validate)),
    path("payments/<str:payment_id>/confirm", api(POST=billing.confirm)),
    path("payments/<str:payment_id>/cancel", api(POST=billing.cancel)),
]
_refunds = [
    path(
        "payments/<str:payment_id>/refunds",
        api(GET=refunds.list_refunds, POST=refunds.create_refund),
    ),
    path("payments/<str:payment_id>/refunds/remaining-amount", api(GET=refunds.remaining)),
    path("payments/<str:payment_id>/refunds/<str:refund_id>", api(GET=refunds.retrieve_refund)),
]
_apis: list[URLPattern | URLResolver] = [
    path("carrier-billing/v0.5/", include(_billing)),
    path("carrier-billing-refund/v0.3/", include(_refunds)),
    path("kyc-match/v0.4/match", api(POST=identity.match)),
    path("kyc-age-verification/v0.2/verify", api(POST=identity.age)),
    path("payment-pin/v1/set", api(POST=pins.pin_set)),
    path("payment-pin/v1/verify", api(POST=pins.pin_verify)),
    path("sim-swap/v2/check", api(POST=identity.sim_check)),
    path("sim-swap/v2/retrieve-date", api(POST=identity.sim_date)),
]

urlpatterns = [
    path("", include(_apis)),
    re_path(rf"^operators/(?P<operator>{'|'.join(OPERATORS)})/", include(_apis)),
    path("healthz", witness.healthz),
    path("gateway/messages", api(POST=witness.message)),
    path("bank/payouts", api(POST=witness.payout)),
    path("bank/payouts/<str:payout_id>", api(GET=witness.payout_query)),
    path("books", api(GET=witness.books)),
    path("files/transactions/<str:day>", api(GET=witness.transactions)),
    path(
        "control/faults",
        api(GET=witness.list_faults, POST=witness.add_fault, DELETE=witness.clear_faults),
    ),
    path("control/events", api(GET=witness.list_events)),
    path("control/routes", api(POST=witness.add_route)),
    path("control/charges", api(POST=witness.move_charge)),
    path("control/cancellations", api(POST=witness.cancel_in_console)),
    path("", RedirectView.as_view(pattern_name="phones")),
    path("sandbox/", RedirectView.as_view(pattern_name="phones")),
    path("sandbox/phones/", pages.phones, name="phones"),
    path("sandbox/phones/<str:digits>/", pages.phone, name="phone"),
    path("sandbox/mail/", pages.mailboxes, name="mailboxes"),
    path("sandbox/mail/<str:address>/", pages.mail, name="mail"),
    path("sandbox/mail/<str:address>/<str:message_id>/", pages.opened_mail, name="opened_mail"),
    path("confirm/<str:token>/", pages.confirm, name="confirm"),
    path("confirm/<str:token>/done/", pages.confirmed, name="confirmed"),
]
