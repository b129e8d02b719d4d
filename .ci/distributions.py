"""Build what is released: two distributions from one source tree.

    python .ci/distributions.py dist

``zfwidgets-core`` has all the code and needs everything but torch, torchvision and bqplot;
``zfwidgets`` has no code and needs ``zfwidgets-core`` of the same version and these three. An extra
can add requirements but not take any away, so this is how a classroom's kernels, a stored report or
a machine whose torch comes from elsewhere do without pip's torch, and without the pandas that
bqplot brings, while ``pip install zfwidgets`` brings all. Since only one of the two has files, they
never overwrite or uninstall each other's.

The tree itself is called ``zfwidgets`` and needs torch, for checkouts and for ``pip install .``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from repository import absolute, repository

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("torch", "torchvision", "bqplot")
NOTICES = "zfwidgets/static/figures.licences.txt"
"""Of what other packages' JavaScript is shipped. It is built: a checkout may not have it yet."""

META = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "zfwidgets"
version = "{version}"
description = {description}
readme = "README.md"
requires-python = {python}
license = "BSD-3-Clause"
license-files = ["LICENSE"]
{said}
dependencies = [
  "zfwidgets-core=={version}",
{left_out}
]

{urls}[project.optional-dependencies]
{extras}

[tool.hatch.build.targets.wheel]
bypass-selection = true

[tool.hatch.build.targets.sdist]
only-include = ["README.md", "LICENSE"]
"""


def once(pattern: str, replacement: str, text: str) -> str:
    """Replace the one place where `pattern` matches; anything but one place is an error."""
    result, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"pyproject.toml: expected {pattern!r} once, found it {count} times")
    return result


def found(pattern: str, text: str) -> str:
    """Return what the group of `pattern` matches."""
    match = re.search(pattern, text, flags=re.MULTILINE)
    if match is None:
        raise SystemExit(f"expected {pattern!r} in pyproject.toml or zfwidgets/__init__.py")
    return match[1]


def core_project(pyproject: str) -> str:
    """pyproject.toml of zfwidgets-core, made from the tree's."""
    text = once(r'^name = "zfwidgets"$', 'name = "zfwidgets-core"', pyproject)
    text = once(r"^license-files = \[\n", f'license-files = [\n  "{NOTICES}",\n', text)
    for name in LEFT_OUT:
        text = once(rf'^  "{name}>=[^"]*",\n', "", text)
    return text


def meta_project(pyproject: str, version: str) -> str:
    """pyproject.toml of the distribution that only requires, made from the tree's."""
    left_out = [found(rf'^(  "{name}>=[^"]*",)$', pyproject) for name in LEFT_OUT]
    extras = found(r"^\[project\.optional-dependencies\]\n([\s\S]*?)^\[", pyproject)
    names = re.findall(r"^(\w+) = \[", extras, flags=re.MULTILINE)
    urls = re.search(r"^\[project\.urls\]\n(?:.+\n)*", pyproject, flags=re.MULTILINE)
    return META.format(
        version=version,
        description=found(r"^description = (.*)$", pyproject).replace("\\", "\\\\"),
        python=found(r"^requires-python = (.*)$", pyproject),
        said="\n".join(
            found(rf"^({key} = \[(?:.*\]|[\s\S]*?^\]))$", pyproject)
            for key in ("authors", "keywords", "classifiers")
        ),
        urls=urls[0] + "\n" if urls else "",
        left_out="\n".join(left_out),
        extras="\n".join(f'{name} = ["zfwidgets-core[{name}]=={version}"]' for name in names),
    )


def divide(core: Path, meta: Path) -> str:
    """Make of the tree's unpacked sdist core's, in its place, and the other's; return the version.

    Where pyproject.toml says where the repository is, links and pictures of the README lead there:
    PyPI shows it without the files that it links to.
    """
    pyproject = (core / "pyproject.toml").read_text("utf-8")
    version = found(r'^__version__ = "([^"]+)"$', (core / "zfwidgets/__init__.py").read_text())
    where = repository(pyproject)
    if where is not None:
        readme = core / "README.md"
        readme.write_text(absolute(readme.read_text("utf-8"), where), "utf-8")
    meta.mkdir()
    for name in ("README.md", "LICENSE"):
        shutil.copy(core / name, meta)
    (meta / "pyproject.toml").write_text(meta_project(pyproject, version), "utf-8")
    (core / "PKG-INFO").unlink()
    (core / "pyproject.toml").write_text(core_project(pyproject), "utf-8")
    return version


def build(source: Path, out: Path, *kinds: str) -> None:
    """Build the sdist and the wheel of `source` into `out`."""
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(out)]
    subprocess.run([*command, str(source)], check=True, stdout=sys.stderr)


def distributions(out: Path) -> list[Path]:
    """Build both distributions into `out` and return their files."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temp:
        work = Path(temp)
        # The tree's own sdist is the tree without what isn't to be shipped, bundle included.
        build(ROOT, work, "--sdist")
        (archive,) = work.glob("*.tar.gz")
        shutil.unpack_archive(archive, work)
        core, meta = work / archive.name.removesuffix(".tar.gz"), work / "meta"
        version = divide(core, meta)
        for source in (core, meta):
            build(source, out)
    return sorted(
        path
        for path in out.iterdir()
        if re.fullmatch(rf"zfwidgets(_core)?-{re.escape(version)}(-.*\.whl|\.tar\.gz)", path.name)
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python .ci/distributions.py FOLDER")
    for path in distributions(Path(sys.argv[1])):
        print(f"{path.stat().st_size / 1e6:6.2f} MB  {path}")
