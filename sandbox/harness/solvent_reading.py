"""What test code looks at, read off its text."""

import ast
import builtins
import sys

ALIASES = {"np": "numpy", "nx": "networkx", "plt": "matplotlib.pyplot", "sp": "sympy", "pd": "pandas"}
"""Under which a test may use a module that only the candidate imports; all others under their own names."""


def needed(tree: ast.AST) -> set[str]:
    """Return the names that test code takes from outside."""
    used: set[str] = set()
    own = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else own).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.alias):
            own.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            own.add(node.name)
    return used - own


def looks_at_arguments(tree: ast.AST) -> bool:
    """Tell whether the test compares with a literal what it has passed to a function.

    Else a function that returns something cannot change the test's own data, from which it may yet compute what it
    expects. (What a function that returns None has changed is always seen.)
    """
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    passed = {argument.id for call in calls for argument in call.args if isinstance(argument, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(_root(side) in passed for side in sides) and any(_is_literal(side) for side in sides):
                return True
    return False


def uses_objects(tree: ast.AST) -> bool:
    """Tell whether the test looks at attributes of anything but modules."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    modules = {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
    modules.update(ALIASES, sys.stdlib_module_names)
    attributes = [node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return any(not (isinstance(base, ast.Name) and base.id in modules) for base in attributes)


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_literal(node: ast.expr) -> bool:
    return not any(isinstance(part, ast.Name | ast.Call | ast.Attribute) for part in ast.walk(node))
