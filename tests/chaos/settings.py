"""The portal's settings, with crash points in its processes."""

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS as _PORTALS

INSTALLED_APPS = [*_PORTALS, "tests.chaos.points.Points"]
