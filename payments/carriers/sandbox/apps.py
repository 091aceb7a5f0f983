"""The operator's only Django app."""

from django.apps import AppConfig


class OperatorConfig(AppConfig):
    """Its own label, so its tables are never mistaken for the portal's."""

    name = "payments.carriers.sandbox"
    label = "operator_sandbox"
    verbose_name = "Sandbox operator"
    default_auto_field = "django.db.models.BigAutoField"
