"""Drawings of workflows: as data, as Mermaid text, as SVG, and with characters.

Names are other people's text: each form escapes them. A draft is drawn as far as it can be read.
"""

from .mermaid import mermaid
from .outline import MOST_NODES, outline, size_of
from .svg import svg
from .text import text

__all__ = ["MOST_NODES", "mermaid", "outline", "size_of", "svg", "text"]
