"""``python -m benchmarks.documents.examples [NAME ...]``: run the notebooks, write their README.md.

Each is executed in a kernel of its own; how much processor time that took, and a small picture of
what it shows first, are kept beside the notebooks. Without names all are run; with ``--page`` none
is, and the page is written from what was measured.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import platform
import time
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbclient import NotebookClient
from PIL import Image

from benchmarks import harness

FOLDER = Path(__file__).parents[2] / "examples"
MEASURED = FOLDER / "thumbnails" / "measured.json"
PAGE = FOLDER / "README.md"
WIDE, HIGH = 480, 360
TIMEOUT = 3600


class Example(NamedTuple):
    """A notebook, what one learns in it, and its place in the paper."""

    name: str
    learns: str
    paper: str


EXAMPLES = (
    Example(
        "quickstart",
        "Walk through a network's layers: what excites each channel, and where the evidence for a "
        "class lies in a photo.",
        "Figs. 2 and 7",
    ),
    Example(
        "zeiler_fergus",
        "The paper from its first figure to its last table, each drawn anew.",
        "all",
    ),
    Example(
        "evolution",
        "From noise to stripes: how feature maps come to be, and which layers settle first.",
        "Fig. 4",
    ),
    Example(
        "invariance",
        "A photo that is shifted, scaled or turned stays the same to us; how far does it move for "
        "each layer?",
        "Fig. 5",
    ),
    Example(
        "diagnosis",
        "See what is wrong with a network's first layers: a stride that is too large.",
        "Fig. 6",
    ),
    Example(
        "correspondence",
        "Does a network know that a nose is a nose, whoever's it is?",
        "Table 1",
    ),
    Example(
        "ablation",
        "What a network needs, and what it relies on: parts left out, or switched off.",
        "Table 3",
    ),
    Example(
        "transfer",
        "Features of photos, asked for drawn shapes: which layer carries furthest, and how few "
        "pictures are enough.",
        "Tables 4 to 7, Fig. 9",
    ),
    Example(
        "sanity_check",
        "Pictures that don't change when the network forgets all it has learned: what they can't "
        "show.",
        "",
    ),
    Example("quiz", "Which of two photos fires a channel more? Test what a display tells you.", ""),
)


def main() -> None:
    """Run what is asked for; write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="notebooks to run; none: all")
    parser.add_argument("--page", action="store_true", help="run none")
    options = harness.options(parser)
    measured: dict[str, Any] = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    if not options.page:
        for name in options.names or [one.name for one in EXAMPLES]:
            measured[name] = run(name)
            MEASURED.parent.mkdir(exist_ok=True)
            MEASURED.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
            print(name, measured[name], flush=True)
    PAGE.write_text(page(measured))


def run(name: str) -> dict[str, Any]:
    """Execute a notebook; keep its first picture, small."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    clock = nbformat.v4.new_code_cell("import time\ntime.process_time()")
    notebook.cells.append(clock)
    resources = {"metadata": {"path": str(FOLDER.parent)}}
    NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", resources=resources).execute()
    seconds = float(clock.outputs[0]["data"]["text/plain"])
    picture(notebook).save(FOLDER / "thumbnails" / f"{name}.webp", quality=72, method=6)
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    threads = "1 thread" if threads == "1" else f"{threads} threads"
    return {
        "seconds": round(seconds),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {threads}",
    }


def picture(notebook: Any) -> Image.Image:
    """The first picture that a notebook shows, from its top, as large as a thumbnail."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            for kind in ("image/png", "image/jpeg"):
                if kind in output.get("data", {}):
                    content = base64.b64decode(output["data"][kind])
                    image = Image.open(io.BytesIO(content)).convert("RGB")
                    return thumbnail(image)
    raise ValueError("the notebook shows no picture")


def thumbnail(image: Image.Image) -> Image.Image:
    """The upper part of a picture."""
    high = min(image.height, round(image.width * HIGH / WIDE))
    return image.crop((0, 0, image.width, high)).resize((WIDE, round(WIDE * high / image.width)))


def page(measured: dict[str, Any]) -> str:
    """examples/README.md."""
    lines = [
        "# Examples",
        "",
        "Notebooks to run and to change; `make demo` opens the first, already run. Those that need",
        "a trained network open on a recorded run that is in the package, and have the same",
        "computation live below it.",
        "",
        "| | what one learns | paper | processor time |",
        "|---|---|---|---|",
    ]
    for one in EXAMPLES:
        thumb = FOLDER / "thumbnails" / f"{one.name}.webp"
        shown = f'<img src="thumbnails/{one.name}.webp" width="240" alt=""><br>'
        shown = shown if thumb.exists() else ""
        link = f"{shown}[{one.name}]({one.name}.ipynb)"
        known = measured.get(one.name)
        took = "" if known is None else f"{known['seconds']} s"
        lines.append(f"| {link} | {one.learns} | {one.paper} | {took} |")
    machines = sorted({f"{one['machine']}, {one['date']}" for one in measured.values()})
    lines += [
        "",
        "Processor time of the whole notebook from the start of its kernel, which is how long it",
        f"takes on an idle core ({'; '.join(machines)}): measured by",
        "`python -m benchmarks.documents.examples`, which writes this page.",
        "",
        "Three worksheets for a class, whose questions check themselves:",
        "[what does a layer see](lesson/1_seeing.ipynb),",
        "[does the network look at the object](lesson/2_looking.ipynb),",
        "[how do features form](lesson/3_forming.ipynb) ([more](../docs/lessons.md)).",
        "[contrast.py](contrast.py) is an experiment of your own in fewer than 150 lines.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
