"""Write every page of docs/reference/: ``.venv/bin/python -m tests.docs.reference``."""

from pathlib import Path
from tempfile import TemporaryDirectory

from aasim_core.bootstrap import build_app
from aasim_core.testing.apps import settings_in

from .pages import PAGES

_FOLDER = Path(__file__).parents[3] / "docs" / "reference"

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        app = build_app(settings_in(Path(folder), {}))
        for name, page in PAGES.items():
            (_FOLDER / name).parent.mkdir(exist_ok=True)
            (_FOLDER / f"{name}.md").write_text(page(app), encoding="utf-8")
