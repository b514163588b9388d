"""Write a picture of what a command prints.

``bin/up --demo | .venv/bin/python tests/docs/site/picture.py "bin/up --demo" > docs/images/demo.svg``
"""

import re
import sys
from html import escape

_LINE, _CHARACTER, _EDGE = 17, 8.4, 16
#: Browsers draw several spaces as one, but not these.
_SPACE = "\u00a0"
#: Lines of progress, and what must not be in a picture: the password of the first administrator.
_LEFT_OUT = re.compile(r"downloading|model is ready|Password")
_TOP = (
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">\n'
    "<title>{title}</title>\n"
    '<rect width="100%" height="100%" rx="8" fill="#1b1f24"/>\n'
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6e9f2">\n'
)


def picture(command: str, printed: str) -> str:
    """The picture, as SVG: a terminal with the command and the lines that it printed."""
    lines = [f"$ {command}", *(line.rstrip() for line in printed.splitlines() if line.strip() and not _LEFT_OUT.search(line))]
    width = 2 * _EDGE + _CHARACTER * max(map(len, lines))
    top = _TOP.format(width=width, height=2 * _EDGE + _LINE * len(lines), title=escape(f"What {command} prints"))
    shown = (escape(line).replace(" ", _SPACE) for line in lines)
    texts = (f'<text x="{_EDGE}" y="{_EDGE + 14 + _LINE * number}">{line}</text>\n' for number, line in enumerate(shown))
    return f"{top}{''.join(texts)}</g>\n</svg>\n"


if __name__ == "__main__":
    sys.stdout.write(picture(sys.argv[1], sys.stdin.read()))
