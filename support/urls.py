"""Addresses of the request and of its progress."""

from django.urls import path

from support.views import answers, files, shopper

app_name = "support"
urlpatterns = [
    path("request/", shopper.request_page, name="request"),
    path("request/code/<str:token>/", shopper.code, name="code"),
    path("request/code/<str:token>/resend/", shopper.resend, name="resend"),
    path("request/line/<str:token>/", shopper.choose, name="choose"),
    path("request/line/<str:token>/<str:reference>/", shopper.request_of_line, name="line-request"),
    path("track/<str:token>/", shopper.track, name="track"),
    path("track/<str:token>/withdraw/", shopper.withdraw, name="withdraw"),
    path("track/<str:token>/answer/", answers.answer, name="answer"),
    path("track/<str:token>/write/", answers.write, name="write"),
    path("track/<str:token>/file/<str:signed>/", files.file, name="file"),
    path("track/<str:token>/rate/", shopper.rate, name="rate"),
    path("track/<str:token>/account/", shopper.account, name="account"),
]
