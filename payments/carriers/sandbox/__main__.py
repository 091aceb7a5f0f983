"""Management entry: `python -m payments.carriers.sandbox migrate` creates the tables."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "payments.carriers.sandbox.settings"
execute_from_command_line(["sandbox", *sys.argv[1:]])
