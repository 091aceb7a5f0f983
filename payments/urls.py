"""The window's addresses and the operators' callback."""

from django.urls import path

from payments.views import operators, shopper

app_name = "payments"
urlpatterns = [
    path("pay/<str:token>/", shopper.window, name="window"),
    path("pay/<str:token>/pin/", shopper.pin, name="pin"),
    path("pay/<str:token>/code/", shopper.code, name="code"),
    path("pay/<str:token>/resend/", shopper.resend, name="resend"),
    path("pay/<str:token>/back/", shopper.back, name="back"),
    path("pay/<str:token>/extend/", shopper.extend, name="extend"),
    path("pay/<str:token>/leave/", shopper.leave, name="leave"),
    path("pay/<str:token>/again/", shopper.again, name="again"),
    path("pay/<str:token>/status/", shopper.status, name="status"),
    path("carrier/events/", operators.events, name="carrier-events"),
]
