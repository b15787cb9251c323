"""Modules and functions that can be read at a sitting, each module saying what it is and what it must not know."""

import ast
import re

from tests.architecture.source import modules

LINES_OF_A_MODULE = 300
LINES_OF_A_TEST = 350
"""A list of cases is read like a list, so a little longer will do."""
LINES_OF_A_FUNCTION = 40
LINES_OF_A_TEST_FUNCTION = 50
LIMIT = re.compile(r"must not|not know|knows nothing|only module that", re.IGNORECASE)
TESTS = modules("tests")


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function's code: its docstring is prose, not code."""
    assert node.end_lineno is not None
    first = node.body[0]
    prose = 0
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        assert first.end_lineno is not None
        prose = first.end_lineno - first.lineno + 1
    return node.end_lineno - node.lineno + 1 - prose


def test_a_module_is_not_too_long() -> None:
    limits = [(module, LINES_OF_A_MODULE) for module in modules()] + [(module, LINES_OF_A_TEST) for module in TESTS]
    lengths = {module.name: len(module.text.splitlines()) for module, limit in limits}
    assert not {module.name: lengths[module.name] for module, limit in limits if lengths[module.name] > limit}


def test_functions_are_not_too_long() -> None:
    limits = [(module, LINES_OF_A_FUNCTION) for module in modules()]
    limits += [(module, LINES_OF_A_TEST_FUNCTION) for module in TESTS]
    assert not {
        f"{module.name}.{function.name}": lines(function)
        for module, limit in limits
        for function in module.functions()
        if lines(function) > limit
    }


def test_a_module_says_what_it_is_and_what_it_must_not_know() -> None:
    texts = {module.name: " ".join((ast.get_docstring(module.tree) or "").split()) for module in modules()}
    folders = {module.name for module in modules() if module.path.name == "__init__.py"}
    assert not [name for name, text in texts.items() if not text]
    assert not [name for name, text in texts.items() if name not in folders and not LIMIT.search(text)]


def test_nothing_is_left_to_do() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "X" * 3)
    assert not [module.name for module in [*modules(), *TESTS] if any(mark in module.text for mark in marks)]
