"""Everything `manage.py up` starts on one machine: development and demonstration only.

Imports neither Django nor the rest of the portal: it runs before there are settings to load.
"""
