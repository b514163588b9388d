"""For each rule of the grades, a mistake in the model that breaks it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Mistake(NamedTuple):
    """A text of a file of the model, and what stands there instead; without a text, what stands at its end. None removes the file."""

    file: str
    old: str
    new: str | None


def line(file: str, code: str) -> Mistake:
    """A mistake in a function that is added to the file."""
    return Mistake(file, "", f'\n\ndef added() -> None:\n    """Do it."""\n    {code}\n')


#: For each rule, the mistake that breaks it and no other one.
MISTAKES: Mapping[str, Mistake] = {
    "module-docstrings": Mistake("reactions.py", '"""What follows what happens."""\n', ""),
    "migrations-go-down": Mistake("migrations/0001_initial.py", "def down(", "def no_down("),
    "no-print": line("service.py", 'print("greeted")'),
    "no-swallowed-errors": line("service.py", "try:\n        tidy\n    except BaseException:\n        return"),
    "no-text-is-run": line("service.py", 'eval("1 + 1")'),
    "no-unpickling": line("service.py", "import pickle"),
    "no-shell": line("service.py", 'import os\n\n    os.system("ls")'),
    "guarded-network": line("service.py", "import urllib.request"),
    "no-raw-sql": line("service.py", 'Refused.database.execute_sql("SELECT 1")'),
    "settings-from-one-place": line("service.py", 'import os\n\n    os.environ["GREETINGS"]'),
    "strong-secrets": Mistake(
        "service.py", "", '\n\ndef make_token() -> int:\n    """A token."""\n    import random\n\n    return random.getrandbits(64)\n'
    ),
    "time-in-utc": line("service.py", "from datetime import datetime\n\n    datetime.now()"),
    "no-sleeping": line("service.py", "import time\n\n    time.sleep(1)"),
    "public-imports": line("service.py", "from aasim_core.plugins.failures import _above"),
    "no-inner-files": line("service.py", "from aasim_plugins.rubrics.verdict import Verdict"),
    "no-globals": line("service.py", "global GREETINGS_FULL"),
    "typed-returns": Mistake("service.py", "def refuse_full(count: int) -> None:", "def refuse_full(count: int):"),
    "typed-arguments": Mistake("service.py", "def refuse_full(count: int) -> None:", "def refuse_full(count) -> None:"),
    "public-docstrings": Mistake("service.py", '    """Refused ``greetings_full`` where there are too many."""\n', ""),
    "described-migrations": Mistake("migrations/0001_initial.py", '"""Greetings."""\n', "import os\n"),
    "whole-sentences": Mistake("service.py", "There is no room; delete a greeting.", "no room"),
    "short-files": Mistake("service.py", "", "# a line\n" * 600),
    "short-functions": line("service.py", "tidy\n    " * 50),
    "title": Mistake("__init__.py", 'Plugin("Greetings"', 'Plugin("greetings"'),
    "summary": Mistake("__init__.py", '"Greetings that people leave for each other.")', '"Greetings")'),
    "permission-summaries": Mistake("__init__.py", '"See greetings"', '"See"'),
    "event-summaries": Mistake("__init__.py", '"A greeting was answered"', '"Answered"'),
    "operation-summaries": Mistake("api.py", "Read in which tone a greeting is.", "Tone"),
    "settings-explained": Mistake("settings.py", '"How long a greeting is kept."', '"days"'),
    "part-schemas": Mistake("__init__.py", '{"type": "object"}', '{"type": "objekt"}'),
    "commands-explained": Mistake("counting.py", 'help="Count the greetings."', 'help=" "'),
    "secrets-write-only": Mistake("schemas.py", "    tone = ", "    password = Text()\n    tone = "),
    "secret-settings": Mistake("settings.py", ", secret=True", ""),
    "dangerous-deleting": Mistake("__init__.py", ", dangerous=True", ""),
    "permissions-asked-for": Mistake(
        "__init__.py",
        '        Permission("greetings:delete"',
        '        Permission("greetings:ring", "Ring the bell"),\n        Permission("greetings:delete"',
    ),
    "changes-are-events": Mistake("__init__.py", "@hookimpl\ndef events", "def no_events"),
    "event-subjects": Mistake("__init__.py", 'answered", "greetings_greeting", tone', 'answered", "", tone'),
    "replies-declared": Mistake("api.py", "reply=schemas.ToneOut(), ", ""),
    "lists-in-pages": Mistake("api.py", "reply=schemas.ToneOut(), ", "reply=schemas.ToneOut(), many=True, "),
    "operation-messages": Mistake("api.py", 'message="Tone read."', 'message="Tone"'),
    "body-examples": Mistake("schemas.py", "name = Text(1, 120, required=True)", 'name = Text(1, 120, required=True, example="")'),
    "unique-within": Mistake("models.py", '(("organization_id", "name"), True)', '(("name",), True)'),
    "lists-indexed": Mistake(
        "models.py", '(("organization_id", "created_at", "id"), False), (("organization_id", "name"), True)', '(("name",), False),'
    ),
    "job-time-limits": Mistake("__init__.py", "time_limit=60", "time_limit=100_000"),
    "job-attempts": Mistake("__init__.py", "time_limit=60", "time_limit=60, retry=Retry(max_attempts=0)"),
    "named-listeners": Mistake("__init__.py", "answer, wanted", "lambda event: None, wanted"),
    "listeners-choose": Mistake("__init__.py", ", wanted=is_greeting", ""),
    "hooks-typed": Mistake("__init__.py", "def greeters(app: App) -> Sequence[Greeter]:", "def greeters(app: App):"),
    "error-sentences": Mistake("service.py", 'example="There is no room for it."', 'example="no room"'),
    "part-titles": Mistake("__init__.py", '"Greets politely"', '" "'),
    "part-names": Mistake("__init__.py", '"greetings_polite"', '"polite"'),
    "offered-hooks-documented": Mistake("hookspecs.py", '    """Return the ways to greet that the plugin brings."""\n', ""),
    "offered-parts-shown": Mistake("hookspecs.py", '    shown: ClassVar = PartShape(title="title", schemas=("parameters",))\n', ""),
    "setting-units": Mistake("settings.py", "keep_days", "timeout"),
    "event-fields-described": Mistake("__init__.py", ', description="In which tone it is."', ""),
    "readme": Mistake("README.md", "# greetings\n\n", ""),
    "readme-settings": Mistake("README.md", "`keep_days`, ", ""),
    "readme-permissions": Mistake("README.md", "`greetings:update`, ", ""),
    "readme-routes": Mistake("README.md", ", `/greetings/{greeting_id}/tone`", ""),
    "readme-events": Mistake("README.md", ", `greetings.answered`", ""),
    "readme-jobs": Mistake("README.md", "Jobs: `greetings.tidy`. ", ""),
    "readme-error-codes": Mistake("README.md", "Error codes: `greetings_full`. ", ""),
    "readme-commands": Mistake("README.md", " Commands: `aasim greetings count`.", ""),
    "readme-hooks": Mistake("README.md", "Hook offered: `greeters`. ", ""),
    "readme-parts": Mistake("README.md", "`greetings_polite`", "of ours"),
    "readme-explains": Mistake(
        "README.md",
        "Greetings that people leave for each other. A greeting is read by all, and answered by whoever wants to.\n",
        "",
    ),
    "typed-package": Mistake("py.typed", "", None),
    "license": Mistake("METADATA", "License-Expression: Apache-2.0\n", ""),
    "author": Mistake("METADATA", "Author-email: Ada <ada@example.com>\n", ""),
    "links": Mistake(
        "METADATA",
        "Project-URL: Source, https://example.com/greetings\nProject-URL: Changelog, https://example.com/greetings/changes\n",
        "",
    ),
    "changelog": Mistake("METADATA", "Project-URL: Changelog, https://example.com/greetings/changes\n", ""),
    "described-distribution": Mistake("METADATA", "Summary: Greetings for Aasim\n", ""),
    "platform-versions": Mistake("METADATA", "aasim>=0.1", "aasim"),
}  # fmt: skip

#: What has to be otherwise too, for the mistake to be the only one.
ALSO: Mapping[str, Sequence[Mistake]] = {
    "changes-are-events": (
        Mistake("api.py", '    events = "greetings"\n', ""),
        Mistake("api.py", "    body = schemas.GreetingIn()\n", ""),
        Mistake("api.py", '@operation("read", reply', '@operation("update", reply'),
        Mistake("api.py", "def on_get_tone", "def on_put_tone"),
        Mistake("__init__.py", '        Permission("greetings:create", "Write greetings", roles=("builder",)),\n', ""),
        Mistake("__init__.py", '        Permission("greetings:delete", "Delete greetings", dangerous=True),\n', ""),
    ),
    "job-attempts": (Mistake("__init__.py", "Resource, hookimpl", "Resource, Retry, hookimpl"),),
    "permissions-asked-for": (Mistake("README.md", "`greetings:read`", "`greetings:ring`, `greetings:read`"),),
    "setting-units": (Mistake("README.md", "keep_days", "timeout"),),
}
