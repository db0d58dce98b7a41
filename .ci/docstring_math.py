"""For the site: the TeX of formulas in docstrings as MathML, which browsers draw by themselves."""

import re
from textwrap import dedent
from typing import Any

from griffe import Extension, Object
from latex2mathml.converter import convert

BLOCK = re.compile(r"^( *)\.\. math:: *(.*\n(?:(?: *\n)*\1 +\S.*(?:\n|$))*)", re.MULTILINE)
INLINE = re.compile(r":math:`([^`]+)`")


class DocstringMath(Extension):
    """Changes docstrings before they are parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Convert the formulas of one docstring."""
        if obj.docstring is not None:
            text = BLOCK.sub(_block, obj.docstring.value)
            obj.docstring.value = INLINE.sub(lambda found: convert(found[1]), text)


def _block(found: re.Match[str]) -> str:
    formula = " ".join(dedent(found[2]).split())
    return f"{found[1]}<div>{convert(formula, display='block')}</div>\n"
