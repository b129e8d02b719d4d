"""For mkdocstrings: shows what Python makes at run time as `help` shows it.

These are the functions that `with_bar` makes, the widgets whose help `documented` makes of the
traits that they have, the help of a selection's traits, and what a protocol says of the methods
that take over its words.
"""

from __future__ import annotations

import inspect
import re
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


class AtRunTime(griffe.Extension):
    """Replaces ``name = with_bar(...)`` by the function that it makes, and help that is made."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Look through a package that was read."""
        for module in modules(pkg):
            for attr in list(module.attributes.values()):
                value = attr.value if isinstance(attr, griffe.Attribute) else None
                if isinstance(value, griffe.ExprCall) and str(value.function) == "with_bar":
                    module.set_member(attr.name, function(attr, griffe.dynamic_import(attr.path)))
            for kind in module.classes.values():
                if kind.is_alias:
                    continue
                if "documented" in map(name, kind.decorators):
                    document(kind, griffe.dynamic_import(kind.path))
                for member in kind.members.values():
                    if not (member.is_alias or member.has_docstring or member.is_private):
                        member.docstring = said_elsewhere(kind, member)


def modules(module: griffe.Module) -> Iterator[griffe.Module]:
    """A module, and all below it."""
    yield module
    for child in module.modules.values():
        if not child.is_alias:
            yield from modules(child)


def name(decorator: griffe.Decorator) -> str:
    """What a decorator is called."""
    return decorator.callable_path.rpartition(".")[2]


def said_elsewhere(kind: Any, member: Any) -> griffe.Docstring | None:
    """What is said of a member by a class that it takes over, or by its trait."""
    for base in kind.mro():
        above = base.members.get(member.name)
        if above is not None and above.has_docstring:
            return docstring(above.docstring.value, member)
    value = member.value if member.is_attribute else None
    if isinstance(value, griffe.ExprCall) and str(value.function) == "_Checked":
        return docstring(griffe.dynamic_import(member.path).help, member)
    return None


def document(kind: Any, made: Any) -> None:
    """Give a class the help and the parameters that Python says it has.

    Attributes that are parameters, too, are told once.
    """
    text = re.sub(r"^Attributes\n---[\s\S]*?\n\n(?=\S)", "", inspect.getdoc(made), flags=re.M)
    kind.docstring = docstring(text, kind)
    kind.members["__init__"].parameters = parameters(inspect.signature(made.__init__))


def function(attr: griffe.Attribute, made: Any) -> griffe.Function:
    """A function as griffe has them, by what Python says of it."""
    signature = inspect.signature(made)
    made_of = griffe.Function(
        attr.name,
        lineno=attr.lineno,
        endlineno=attr.endlineno,
        parameters=parameters(signature),
        returns=annotation(signature.return_annotation),
        parent=attr.parent,
    )
    made_of.docstring = docstring(inspect.getdoc(made) or "", made_of)
    return made_of


def docstring(text: str, of: Any) -> griffe.Docstring:
    """A docstring in NumPy's style."""
    return griffe.Docstring(text, parent=of, parser=griffe.Parser.numpy)


def parameters(signature: inspect.Signature) -> griffe.Parameters:
    """A signature's parameters as griffe has them."""
    return griffe.Parameters(
        *(
            griffe.Parameter(
                part.name,
                kind=KINDS[part.kind],
                annotation=annotation(part.annotation),
                default=None if part.default is EMPTY else repr(part.default),
            )
            for part in signature.parameters.values()
        )
    )


def annotation(value: Any) -> str | None:
    """An annotation as it would be written, its classes without their modules."""
    if value is EMPTY:
        return None
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", text)
