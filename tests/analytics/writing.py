"""A process that writes what is over in every organization, to be killed at it."""

import sys

from aasim_core.bootstrap import build_app
from aasim_core.context import organization_scope, system_scope
from aasim_core.settings import Settings
from aasim_plugins.analytics.rollups import rollup

if __name__ == "__main__":
    app = build_app(Settings.load())
    with app.database.connected():
        with system_scope("test"):
            organizations = rollup.organizations(app)
        for organization_id in organizations:
            with organization_scope(organization_id):
                rollup.roll_up(app)
    app.database.close_all()
    sys.exit(0)
