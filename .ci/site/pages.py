"""The pages that are written by hand, and the files that they link to."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAPER = "The paper's experiments"
WORKER = ROOT / "js" / "node_modules" / "iframe-worker" / "shim" / "index.js"
"""With which pages that were opened from disk search, too (MIT)."""
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
DRAWING = re.compile(r"^```mermaid\ngraph TD\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ARROWS = re.compile(r"^ *(\S+) --> (.+)$", re.MULTILINE)


def write(out: Path) -> None:
    """Copy README, ``docs/`` and what they link to, each to the place that it has here."""
    todo = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    done = set()
    while todo:
        page = todo.pop()
        if page in done:
            continue
        done.add(page)
        copy = out / page.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if page.suffix == ".md":
            copy.write_text(DRAWING.sub(table, page.read_text("utf-8")), "utf-8")
            todo += linked(page)
        else:
            shutil.copyfile(page, copy)
    (out / "paper.md").write_text(section(ROOT / "README.md", PAPER), "utf-8")
    shutil.copyfile(Path(__file__).with_name("site.css"), out / "site.css")
    if not WORKER.exists():
        raise SystemExit(f"{WORKER} isn't there: run `make setup`, which installs it.")
    shutil.copyfile(WORKER, out / "iframe-worker.js")


def table(drawing: re.Match[str]) -> str:
    """A drawing of what imports what as a table: Mermaid's code would come from elsewhere."""
    rows = (
        f"| `{who}` | {', '.join(f'`{one}`' for one in whom.split(' & '))} |"
        for who, whom in ARROWS.findall(drawing[1])
    )
    head = ['<details markdown="1"><summary>What imports what</summary>', "", "| | imports |"]
    return "\n".join([*head, "|---|---|", *rows, "", "</details>"])


def linked(page: Path) -> list[Path]:
    """Files of the repository that a page links to; what isn't there is left for the checker."""
    found = []
    for target in LINK.findall(page.read_text("utf-8")):
        if "://" not in target:
            path = (page.parent / target).resolve()
            if path.is_file() and path.is_relative_to(ROOT):
                found.append(path)
    return found


def section(page: Path, title: str) -> str:
    """One section of a page, as a page of its own."""
    for part in re.split(r"^## ", page.read_text("utf-8"), flags=re.MULTILINE):
        if part.startswith(f"{title}\n"):
            return f"# {part}"
    raise SystemExit(f"{page} has no section {title!r} any more: change .ci/site/pages.py")
