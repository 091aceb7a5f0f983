"""Rows of the desk. One module a subject; import from here."""

from support.models.attachments import Attachment, AttachmentBody
from support.models.audit import AuditEntry, AuditHead
from support.models.bulk import BulkItem, BulkRun
from support.models.buyers import BuyerAnswer
from support.models.conversation import InternalNote, Macro, Reply, TicketMessage
from support.models.mails import BegunMail, InboundMail
from support.models.office import DayException
from support.models.people import Duty, Presence
from support.models.ratings import Rating
from support.models.saved_views import SavedView
from support.models.tickets import Ticket, TicketEvent, email_index, pk_of_number

__all__ = [
    "Attachment",
    "AttachmentBody",
    "AuditEntry",
    "AuditHead",
    "BegunMail",
    "BulkItem",
    "BulkRun",
    "BuyerAnswer",
    "DayException",
    "Duty",
    "InboundMail",
    "InternalNote",
    "Macro",
    "Presence",
    "Rating",
    "Reply",
    "SavedView",
    "Ticket",
    "TicketEvent",
    "TicketMessage",
    "email_index",
    "pk_of_number",
]
