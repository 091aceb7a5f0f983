"""Who brings a message to a phone or mailbox, chosen by SMS_SENDER and MAIL_SENDER."""

from django.conf import settings

from payments.messengers.base import Sender
from payments.messengers.gateway import Gateway
from payments.messengers.smtp import Smtp
from payments.messengers.solapi import Solapi


def sender_of(channel: str) -> Sender:
    """The sender of a channel, `SMS` or `EMAIL`."""
    if channel == "SMS":
        return Solapi() if settings.SMS_SENDER == "solapi" else Gateway("sms")
    return Smtp() if settings.MAIL_SENDER == "smtp" else Gateway("email")
