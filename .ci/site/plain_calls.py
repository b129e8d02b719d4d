"""For mkdocstrings: shows the functions that `with_bar` makes at run time as functions."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import griffe

KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: griffe.ParameterKind.positional_only,
    inspect.Parameter.POSITIONAL_OR_KEYWORD: griffe.ParameterKind.positional_or_keyword,
    inspect.Parameter.VAR_POSITIONAL: griffe.ParameterKind.var_positional,
    inspect.Parameter.KEYWORD_ONLY: griffe.ParameterKind.keyword_only,
    inspect.Parameter.VAR_KEYWORD: griffe.ParameterKind.var_keyword,
}
EMPTY = inspect.Parameter.empty


class PlainCalls(griffe.Extension):
    """Replaces ``name = with_bar(...)`` by the function that it makes."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Look through a package that was read."""
        for module in modules(pkg):
            for attr in list(module.attributes.values()):
                value = attr.value if isinstance(attr, griffe.Attribute) else None
                if isinstance(value, griffe.ExprCall) and str(value.function) == "with_bar":
                    module.set_member(attr.name, function(attr, griffe.dynamic_import(attr.path)))


def modules(module: griffe.Module) -> Iterator[griffe.Module]:
    """A module, and all below it."""
    yield module
    for child in module.modules.values():
        if not child.is_alias:
            yield from modules(child)


def function(attr: griffe.Attribute, made: Any) -> griffe.Function:
    """A function as griffe has them, by what Python says of it."""
    signature = inspect.signature(made)
    parameters = [
        griffe.Parameter(
            part.name,
            kind=KINDS[part.kind],
            annotation=None if part.annotation is EMPTY else str(part.annotation),
            default=None if part.default is EMPTY else repr(part.default),
        )
        for part in signature.parameters.values()
    ]
    return griffe.Function(
        attr.name,
        lineno=attr.lineno,
        endlineno=attr.endlineno,
        parameters=griffe.Parameters(*parameters),
        returns=str(signature.return_annotation),
        docstring=griffe.Docstring(inspect.getdoc(made) or ""),
        parent=attr.parent,
    )
