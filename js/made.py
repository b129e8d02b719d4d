"""Write the sources that are made from the package's tables, so that each has one home.

`hatch_build.py` calls this before it bundles. TypeScript that is made isn't in git: `make types`
and `make vitest` build first. The tables' files import nothing, as a build has no NumPy.
"""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

COLOURS = Path("zfwidgets", "records", "colour_maps.py")
SCHEMA = Path("zfwidgets", "widgets", "wire", "schema")
PAGE = Path("docs", "protocol.md")


def outdated(root: Path) -> dict[Path, str]:
    """The text of each file that isn't what the tables make of it."""
    colours = runpy.run_path(str(root / COLOURS))
    schema = schema_of(root)
    lib = root / "js" / "src" / "lib"
    made = {
        lib / "pictures" / "colour_tables.ts": colour_tables(colours),
        lib / "wire" / "constants.ts": constants(schema, colours),
        lib / "wire" / "messages.ts": messages(schema),
    }
    page = root / PAGE
    if page.is_file():
        made[page] = with_tables(page.read_text("utf-8"), schema)
    return {
        path: text
        for path, text in made.items()
        if not path.is_file() or path.read_text("utf-8") != text
    }


def schema_of(root: Path) -> dict[str, Any]:
    """The tables of the schema, a package that is loaded without the one around it."""
    spec = spec_from_file_location("wire_schema", root / SCHEMA / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules[spec.name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(package)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == spec.name]:
            del sys.modules[name]
    return vars(package)


# ---------------------------------------------------------------- TypeScript


def colour_tables(colours: dict[str, Any]) -> str:
    """The tables of colours."""
    maps = "".join(
        f"  {name}: [\n{listed(map(json.dumps, stops.split()), 8)}  ],\n"
        for name, stops in colours["COLOUR_MAPS"].items()
    )
    categories = listed(map(json.dumps, map(list, colours["CATEGORIES"])), 4)
    series = listed(map(json.dumps, colours["SERIES"]), 7)
    head = f"made by js/made.py from {COLOURS.as_posix()}, which says what they are."
    return (
        f"/** Colours: {head} */\n\n"
        f"export const COLOUR_MAPS = {{\n{maps}}} as const;\n\n"
        f"export const CATEGORIES = [\n{categories}] as const;\n\n"
        f"export const SERIES = [\n{series}] as const;\n\n"
        f"export const LUMINANCE = {json.dumps(list(colours['LUMINANCE']))} as const;\n\n"
        f"export const FROM_ZERO = {json.dumps(list(colours['FROM_ZERO']))} as const;\n"
        f"export const LEAST_SHARE = {colours['LEAST_SHARE']};\n"
        f"export const LEAST_PART = {colours['LEAST_PART']};\n"
    )


def listed(items: Iterable[str], most: int) -> str:
    """Items on lines of a few."""
    rest = list(items)
    rows = [rest[first : first + most] for first in range(0, len(rest), most)]
    return "".join(f"    {', '.join(row)},\n" for row in rows)


def constants(schema: dict[str, Any], colours: dict[str, Any]) -> str:
    """What the page and Python must agree on, beside messages."""
    numbers = "".join(
        f"{comment(text)}export const {name} = {value};\n"
        for name, (value, text) in schema["PAGE"].items()
    )
    first = {**schema["FIRST"], "colours": colours["DEFAULT_COLOURS"]}
    options = "".join(f"  {name}: {json.dumps(value)},\n" for name, value in first.items())
    return (
        f"/** What Python says, too: made by js/made.py from {SCHEMA.as_posix()}/. */\n\n"
        f"{numbers}\n"
        f"{comment('What options of views are at first.')}"
        f"export const FIRST = {{\n{options}}} as const;\n"
    )


def messages(schema: dict[str, Any]) -> str:
    """The types of what crosses the wire."""
    parts = [f"/** What crosses the wire: made by js/made.py from {SCHEMA.as_posix()}/. */"]
    for name, (what, text) in schema["ALIASES"].items():
        parts.append(f"{comment(text)}export type {name} = {typescript(what)};")
    groups = schema["GROUPS"]
    for name, (text, fields) in {**schema["OBJECTS"], **groups, **schema["MESSAGES"]}.items():
        group, own = ("", fields) if name in groups else split(fields, groups)
        base = f" extends {group}" if group else ""
        parts.append(f"{comment(text)}export interface {name}{base} {block(own)}")
    kinds = "".join(
        f"{comment(kind.help, '  ')}  {name}: {{\n"
        f"    key: {grouped(kind.key, groups)};\n    data: {grouped(kind.data, groups)};\n  }};\n"
        for name, kind in schema["KINDS"].items()
    )
    text = "Every kind of request: what its key says and what its answer holds."
    parts.append(f"{comment(text)}export interface Kinds {{\n{kinds}}}")
    parts.append("export type Kind = keyof Kinds;")
    names = "".join(f'  "{name}",\n' for name in schema["MAPS"])
    text = "Buffers of a map; NaN or -1 where not done, empty without layer or classes."
    parts.append(f"{comment(text)}export const MAPS = [\n{names}] as const;")
    return "\n\n".join(parts) + "\n"


def comment(text: str, indent: str = "") -> str:
    """A line of documentation; nothing for nothing."""
    return f"{indent}/** {text} */\n" if text else ""


def block(fields: dict[str, str] | str, indent: str = "") -> str:
    """The type of an object with these fields, or of that name."""
    if not fields:
        return "Record<never, never>"
    if isinstance(fields, str):
        return fields
    plain = [f"{name}: {typescript(field)}" for name, field in fields.items()]
    line = f"{{ {'; '.join(plain)} }}"
    if " # " not in line and len(line) < 80:
        return line
    lines = []
    for name, field in fields.items():
        what, text = parts_of(field)
        lines.append(f"{comment(text, indent + '  ')}{indent}  {name}: {typescript(what)};\n")
    return f"{{\n{''.join(lines)}{indent}}}"


def split(fields: dict[str, str], groups: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The group of fields that is among these, if any, and the others."""
    for name, (_, group) in groups.items():
        if group.items() <= fields.items():
            return name, {field: what for field, what in fields.items() if field not in group}
    return "", fields


def grouped(fields: dict[str, str] | str, groups: dict[str, Any]) -> str:
    """The type of an object with these fields, a group of them by its name; or of that name."""
    group, own = ("", fields) if isinstance(fields, str) else split(fields, groups)
    if not group:
        return block(fields, "    ")
    return f"{group} & {block(own, '    ')}" if own else group


def typescript(what: str) -> str:
    """A type of the schema as TypeScript has it, which knows neither whole numbers nor limits."""
    return re.sub(r"\bint\b( \d+\.\.\d+)?", "number", what)


def parts_of(field: str) -> tuple[str, str]:
    """A field's type and what it is."""
    what, _, text = field.partition(" # ")
    return what, text


# ---------------------------------------------------------------- Markdown


def with_tables(page: str, schema: dict[str, Any]) -> str:
    """The page, with the schema's tables behind the line that says so."""
    parts = ["## Messages"]
    parts += [described(name, *of) for name, of in schema["MESSAGES"].items()]
    parts.append("## Kinds of requests")
    for name, kind in schema["KINDS"].items():
        asked = f" Asked of {kind.asked_of}, of its own model." if kind.asked_of else ""
        parts.append(f"### {name}\n\n{kind.help}{asked}")
        parts += [f"Key:\n\n{table(kind.key)}"] if kind.key else ["Its key has no fields."]
        if isinstance(kind.data, str):
            parts.append(f"Answer: {kind.data}, below.")
        else:
            parts.append(f"Answer:\n\n{table(kind.data)}" if kind.data else "No answer but that.")
        parts.append(f"Buffers: {kind.buffers}.")
    parts.append("## Objects")
    parts += [
        f"**{name}**: `{what}`{'. ' if text else ''}{text}"
        for name, (what, text) in schema["ALIASES"].items()
    ]
    parts += [described(name, *of) for name, of in schema["OBJECTS"].items()]
    head, mark, _ = page.partition("<!-- Made from here on")
    line = f"{mark} by js/made.py from {SCHEMA.as_posix()}/: change that. -->"
    return f"{head}{line}\n\n" + "\n\n".join(parts) + "\n"


def described(name: str, text: str, fields: dict[str, str]) -> str:
    """A message or object: its name, what it is, its fields."""
    return f"**{name}.** {text}\n\n{table(fields)}"


def table(fields: dict[str, str]) -> str:
    """Fields with their types, a row each."""
    rows = []
    for name, field in fields.items():
        what, text = parts_of(field)
        what = what.replace("|", "\\|")  # else a cell would end there
        rows.append(f"| `{name}` | `{what}` | {text} |")
    return "\n".join(["| field | type | what it is |", "|---|---|---|", *rows])
