"""The command line: `python manage.py up` starts everything, `help` lists the rest."""

import os
import sys


def main() -> None:
    """Run the management command named on the command line."""
    if sys.argv[1:] == ["up"]:
        # It makes the environment the settings are read from, so it goes before Django.
        from portal.embedded import up

        sys.exit(up.main())
    from portal.embedded import addresses

    addresses.recall()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
