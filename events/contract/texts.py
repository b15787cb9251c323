"""What the event classes say about their fields: the string below a field, which Python itself forgets.

It must not know where source code is kept: the text is handed over.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping

Texts = Mapping[str, Mapping[str, str]]
"""Class name → field → what it means."""


def field_texts(sources: Iterable[str]) -> Texts:
    """Reads the strings below the fields of all classes.

    Args:
        sources: the source code of modules.
    """
    return {
        node.name: _of_class(node)
        for source in sources
        for node in ast.parse(source).body
        if type(node) is ast.ClassDef
    }


def _of_class(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(inspect.cleandoc(text).split())
    return found
