"""A process that needs new tokens for an app, five times at once: it says that it is ready, and begins when it is told to.

Run as a program, with JSON: the settings, and the ids of the organization and the app. It prints the generations that it got.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from aasim_core.bootstrap import build_app
from aasim_core.context import organization_scope
from aasim_core.settings import Settings
from aasim_plugins.connected_apps import service
from aasim_plugins.connected_apps.credentials import tokens


def main() -> None:
    """Wait for a line, refresh, and tell."""
    flags, organization_id, app_id = json.loads(sys.argv[1])
    app = build_app(Settings.load(flags, environ={}))
    with app.database.connected(), organization_scope(organization_id):
        row = service.find(app_id)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()

    def refresh(_: int) -> int:
        with app.database.connected(), organization_scope(organization_id):
            return int(tokens.refresh(app, row, 30).generation)

    with ThreadPoolExecutor(5) as pool:
        sys.stdout.write(json.dumps(list(pool.map(refresh, range(5)))))


if __name__ == "__main__":
    main()
