"""What other services read of the repository: Binder, Colab, conda, GitHub's forms, citations."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
import yaml
from distributions import NOTICES
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import zfwidgets as zf
from tests.conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONDA_NAMES = {"torch": "pytorch", "msgpack": "msgpack-python"}


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / ".ci" / "site"))
    spec = importlib.util.spec_from_file_location(
        "site_examples", ROOT / ".ci" / "site" / "examples.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_to_binder_and_colab_name_notebooks_that_are_there(examples, tmp_path):
    where = examples.repository('[project.urls]\nRepository = "https://github.com/an/other.git"\n')
    assert where == "an/other"
    assert examples.repository('[project]\nname = "a"\n') is None
    found = examples.notebooks()
    assert found[0].stem == "quickstart"
    assert {path.suffix for path in found} == {".ipynb"}
    for notebook in found:
        nbformat.validate(nbformat.read(notebook, as_version=4))
        path = notebook.relative_to(ROOT).as_posix()
        binder, colab = re.findall(r"\((https://[^)]+)\)", examples.links(path, where))
        assert ROOT / binder.partition("?labpath=")[2] == notebook
        assert ROOT / colab.partition("/blob/HEAD/")[2] == notebook
    examples.write(tmp_path)
    folder = tmp_path / "examples"
    page = (folder / "README.md").read_text("utf-8")
    inside = re.findall(r"(?:\]\(|src=\")([^):\".]+\.(?:ipynb|webp))", page)
    assert {path.stem for path in found} - {Path(one).stem for one in inside} <= {"check_host"}
    for path in inside:
        assert (folder / path).read_bytes() == (ROOT / "examples" / path).read_bytes()


def test_binder_installs_extras_that_there_are_and_an_extension_that_there_is():
    lines = (ROOT / ".binder" / "requirements.txt").read_text("utf-8").splitlines()
    (ours,) = [line for line in lines if line and not line.startswith(("#", "--"))]
    extras = re.fullmatch(r"\.\[([\w,]+)\]", ours)[1].split(",")
    assert set(extras) <= PROJECT["optional-dependencies"].keys()
    python = (ROOT / ".binder" / "runtime.txt").read_text("utf-8").strip().removeprefix("python-")
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    build = ROOT / ".binder" / "postBuild"
    assert build.stat().st_mode & 0o111, "Binder executes it"
    (module,) = re.findall(r"extension enable --sys-prefix (\S+)", build.read_text("utf-8"))
    assert importlib.util.find_spec(module)


def test_the_conda_recipe_needs_what_the_package_needs():
    text = (ROOT / ".ci" / "conda" / "recipe.yaml").read_text("utf-8")
    recipe = yaml.safe_load(text)
    assert recipe["context"]["version"] == zf.__version__
    needed = {str(Requirement(f"python{PROJECT['requires-python']}"))}
    for text in PROJECT["dependencies"]:
        requirement = Requirement(text)
        name = CONDA_NAMES.get(requirement.name, requirement.name)
        needed.add(str(Requirement(f"{name}{requirement.specifier}")))
    assert {str(Requirement(one)) for one in recipe["requirements"]["run"]} == needed
    scripts = {f"{name} = {target}" for name, target in PROJECT["scripts"].items()}
    assert set(recipe["build"]["python"]["entry_points"]) == scripts
    assert recipe["about"]["license"] == PROJECT["license"]
    assert set(recipe["about"]["license_file"]) == {*PROJECT["license-files"], NOTICES}
    for path in recipe["about"]["license_file"]:
        assert (ROOT / path).is_file(), path


def test_a_citation_is_of_this_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == zf.__version__
    assert citation["license"] == PROJECT["license"].split(" AND ")[0], "our own code's"
    assert citation["authors"] == PROJECT["authors"]
    assert citation.get("repository-code") == PROJECT.get("urls", {}).get("Repository")


def test_the_conda_recipe_is_one_to_rattler_build():
    rattler = pytest.importorskip("rattler_build", reason="needs `pip install py-rattler-build`")
    recipe = rattler.Stage0Recipe.from_file(str(ROOT / ".ci" / "conda" / "recipe.yaml"))
    (variant,) = recipe.render(rattler.VariantConfig())
    assert f"version='{zf.__version__}'" in repr(variant)


@pytest.mark.parametrize(
    "form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_forms_for_issues_are_as_github_wants_them(form: Path):
    content = yaml.safe_load(form.read_text("utf-8"))
    if form.stem == "config":
        assert content == {"blank_issues_enabled": True}
        return
    assert (
        {"name", "description", "body"}
        <= content.keys()
        <= {*"name description body labels".split()}
    )
    names = [field["id"] for field in content["body"]]
    assert len(set(names)) == len(names)
    for field in content["body"]:
        assert field["type"] in {"textarea", "input", "dropdown", "checkboxes"}
        assert field["attributes"]["label"]
