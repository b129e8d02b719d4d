"""The conda recipe builds, and its package works: with stand-ins for what conda-forge would bring.

conda-forge's Python, pip, Node.js and libraries are packages that lead to those of this machine;
what the recipe itself does is real: its source, script, entry point, licences, tests.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

rattler = pytest.importorskip("rattler_build", reason="needs `pip install py-rattler-build`")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its stand-ins are of Linux")

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON = f"""#!/bin/bash
exec -a "$0" {Path(sys.base_prefix, "bin", f"python{VERSION}")} "$@"
"""
NODE = """#!/bin/bash
export NODE_EXTRA_CA_CERTS={certificates}
exec {program} "$@"
"""


def stand_in(channel: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Put a package of these files into a channel."""
    entries = []
    for place, text in files.items():
        path = channel.parent / "files" / name / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        entries.append(rattler.FileEntry.from_paths(path, place))
    folder = channel / "linux-64"
    folder.mkdir(parents=True, exist_ok=True)
    rattler.assemble_package(name, version, "linux-64", "0", folder, files=entries)


def contents(name: str) -> dict[str, str]:
    """What a stand-in holds."""
    programs = {"node": shutil.which("node"), "npm": shutil.which("npm")}
    if name == "python":
        home = f"home = {Path(sys.base_prefix, 'bin')}\nversion = {VERSION}\n"
        names = ("python", f"python{VERSION}")
        return {"pyvenv.cfg": home, **{f"bin/{one}": PYTHON for one in names}}
    if name == "nodejs":
        certificates = os.environ.get("NODE_EXTRA_CA_CERTS", "")
        return {
            f"bin/{one}": NODE.format(program=path, certificates=certificates)
            for one, path in programs.items()
        }
    if name in ("pip", "traitlets"):  # pip of what builds, traitlets of what uses the package
        packages = "\n".join(path for path in sys.path if Path(path).name == "site-packages")
        return {f"lib/python{VERSION}/site-packages/{name}-stand-in.pth": packages}
    return {}


def requirements(recipe: dict[str, Any]) -> dict[str, str]:
    """Names that the recipe needs, each with a version that will do."""
    wanted = [one for part in recipe["requirements"].values() for one in part]
    found = dict(re.fullmatch(r"([\w-]+)(?: >=([\d.]+))?", one).groups("1") for one in wanted)
    return {**found, "python": f"{VERSION}.0"}


@pytest.mark.skipif(shutil.which("npm") is None, reason="the build needs npm")
def test_the_recipe_builds_and_its_own_tests_pass(tmp_path: Path) -> None:
    recipe = ROOT / ".ci" / "conda" / "recipe.yaml"
    channel, out = tmp_path / "channel", tmp_path / "out"
    for name, version in requirements(yaml.safe_load(recipe.read_text("utf-8"))).items():
        stand_in(channel, name, version, contents(name))
    shutil.copytree(channel, out)  # which rattler-build indexes, and takes from as from a channel
    (variant,) = rattler.Stage0Recipe.from_file(str(recipe)).render(rattler.VariantConfig())
    built = variant.run_build(output_dir=out, channels=[out.as_uri()])
    package = rattler.Package.from_file(built.packages[0])
    files = {str(getattr(entry, "relative_path", entry)) for entry in package.files}
    for path in ("static/widgets.js", "static/figures.licences.txt", "images/data/photos.tsv"):
        assert f"site-packages/zfwidgets/{path}" in files
    assert package.test_count == 2  # it is imported, and its program says its version
    for number in range(package.test_count):
        result = package.run_test(number, channel=[out.as_uri()])
        assert result.success, "\n".join(result.output)
