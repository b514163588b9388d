"""The translated examples of a page as one program; what is not translated, a shell runs with the variables that it uses."""

import json
import re
from collections.abc import Sequence

from languages.page import Translation, translated
from languages.writing import python, typescript

from ..pages import Step
from ..running import BETWEEN

_USED = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
_ASSIGNED = re.compile(r"\b([A-Z][A-Z0-9_]*)=")
_BEGIN = {
    "Python": """\
import os, subprocess

def shell(script, variables):
    texts = {name: value if isinstance(value, str) else "".join(map(": ".join, value.items())) for name, value in variables.items()}
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], env={**os.environ, **texts}, check=True)
""",
    "TypeScript": """\
import { execFileSync } from "node:child_process";

function shell(script: string, variables: Record<string, string | object>) {
  const text = (value: string | object) => (typeof value === "string" ? value : Object.entries(value)[0]!.join(": "));
  const texts = Object.entries(variables).map(([name, value]) => [name, text(value)]);
  const env = { ...process.env, ...Object.fromEntries(texts) };
  execFileSync("bash", ["-euo", "pipefail", "-c", script], { env, stdio: ["ignore", "inherit", "inherit"] });
}
""",
}
_BETWEEN = {
    "Python": f'\nprint("{BETWEEN.encode("unicode_escape").decode()}", end="", flush=True)\n',
    "TypeScript": '\nprocess.stdout.write("\\x1e");\n',
}
_VARIABLE = {"Python": python.variable, "TypeScript": typescript.variable}


def program(language: str, steps: Sequence[Step]) -> str:
    """The examples of a page in a language."""
    found = translated([step.commands for step in steps])
    blocks = [
        one.codes[language] if isinstance(one, Translation) else _shell(language, step.commands)
        for one, step in zip(found, steps, strict=True)
    ]
    return _BETWEEN[language].join([_BEGIN[language], *blocks])


def _shell(language: str, commands: str) -> str:
    names = sorted({*_USED.findall(commands)} - {*_ASSIGNED.findall(commands)})
    variables = ", ".join(f'"{name}": {_VARIABLE[language](name)}' for name in names)
    return f"shell({json.dumps(commands)}, {{{variables}}})\n"
