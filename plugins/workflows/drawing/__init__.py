"""Drawings of workflows: as data, as Mermaid text, and as SVG.

Names are other people's text: each form escapes them. A draft is drawn as far as it can be read.
"""

from .mermaid import mermaid
from .outline import MOST_NODES, outline, size_of
from .svg import svg

__all__ = ["MOST_NODES", "mermaid", "outline", "size_of", "svg"]
