"""Names and texts are data in a report, whatever they say."""

from __future__ import annotations

import html.parser
import re

import pytest

import zfwidgets as zf
from tests.hostile import NAMES
from zfwidgets.reports.writing.markdown import to_html
from zfwidgets.reports.writing.scrubbing import Scrubber

from .conftest import renamed


class Tags(html.parser.HTMLParser):
    """What a parser finds: tags, attributes, scripts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]


@pytest.fixture
def page(engine, tmp_path):
    """A report's page whose names are hostile."""
    images = tuple(NAMES[i % len(NAMES)] for i in range(len(engine.info.images)))
    renamed(
        engine,
        model="".join(NAMES[:12]),
        images=images,
        image_labels=images,
        labels=NAMES[:5],
        transform=NAMES[2],
        notes=NAMES,
        skipped=tuple((name, name) for name in NAMES),
    )
    explorer = zf.Explorer(engine, layer="conv1", stride=8, patch=8)
    text = "\n\n".join(NAMES)
    path = tmp_path / "report.html"
    zf.save_report(
        [explorer, text], path, images=[0], title="".join(NAMES), text=text, progress=False
    )
    return path


def test_no_name_becomes_markup(page):
    found = Tags(page.read_bytes().decode("utf-8"))
    assert "\0" not in page.read_bytes().decode("utf-8")
    assert set(found.tags) <= set(
        "html head meta title body header h1 bdi div main section p br noscript dl dt dd details "
        "summary ul li script a code pre em strong h2 img blockquote hr".split()
    )
    for tag, name, value in found.attributes:
        assert not name.startswith("on"), (tag, name, value)
        assert name in {
            "lang", "charset", "http-equiv", "content", "name", "class", "id", "type", "rel",
            "data-zf-tools", "data-zf-view", "aria-label", "href", "src", "alt",
        }, (tag, name)  # fmt: skip
        if name in ("src", "href"):
            assert re.match(r"https?:|mailto:|data:image/", value), value
    assert found.tags.count("script") == page.read_bytes().count(b'id="zf-part-') + 1


def test_hostile_names_come_back_as_they_were(page, engine):
    stored = zf.load_report(page)
    assert stored.info.labels == engine.info.labels
    assert stored.info.images == engine.info.images
    assert stored.info.image_labels == engine.info.image_labels
    assert stored.top("conv1", 0)[0].image_name == engine.top("conv1", 0)[0].image_name


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_markdown_makes_no_tags_of_its_text(name):
    found = Tags(to_html(f"# {name}\n\n{name} [{name}](javascript:alert(1)) ![x](http://a/b.png)"))
    assert not {"script", "img", "style", "svg", "title", "textarea"} & set(found.tags)
    assert not [a for a in found.attributes if a[1].startswith("on")]
    assert not [a for a in found.attributes if "javascript:" in (a[2] or "")]


@pytest.mark.parametrize(
    "address",
    ["ftp://a/b", "tel:123", "ms-msdt:/id", "file:///etc/passwd", "//evil.example/x", "/etc/passwd",
     "data:text/html,x", "data:image/svg+xml;base64,x", "vbscript:x", "JaVaScRiPt:x", "parts/x",
     "data:image/png;base64,iVBORw0KGgo=", "java&#10;script:x", "blob:null/1"],
)  # fmt: skip
def test_links_lead_to_the_web_and_to_mail_alone(address):
    text = f"[a]({address}) [b][r] <{address}>\n\n[r]: {address}"
    for _, name, value in Tags(to_html(text)).attributes:
        assert name != "href", value
    for address in ("https://a.org/b", "HTTP://a.org", "mailto:a@b.org", "#layer=conv1&channel=2"):
        assert ("a", "href", address) in Tags(to_html(f"[a]({address})")).attributes


def test_markdown_is_markdown():
    text = "# Title\n\n*a* **b** `c`\n\n- one\n\n[x](https://example.org) \n\n|a|b|\n|-|-|\n|1|2|\n"
    found = Tags(to_html(text)).tags
    assert {"h1", "em", "strong", "code", "ul", "li", "a", "table", "td"} <= set(found)
    pixel = "data:image/png;base64,iVBORw0KGgo="
    assert ("img", "src", pixel) in Tags(to_html(f"![dot]({pixel})")).attributes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ann/photos/cat.jpg", "cat.jpg"),
        ("The folder '/home/ann/photos' has 3", "The folder 'photos' has 3"),
        (r"C:\Users\ann\photos\cat.jpg is broken", "cat.jpg is broken"),
        ("file:///home/ann/x.pt", "x.pt"),
        ("see https://example.org/a/b/c.html", "see https://example.org/a/b/c.html"),
        ("animals/dogs/rex.jpg and/or 3/4", "animals/dogs/rex.jpg and/or 3/4"),
        ("resize [256], (0.485, 0.456)", "resize [256], (0.485, 0.456)"),
        ("a / b", "a / b"),
    ],
)
def test_absolute_paths_keep_their_last_part(text, expected):
    assert Scrubber().text(text) == expected


def everything(stored):
    """All that a report holds, unpacked."""
    parts = {name: stored._unpacked(name) for name in stored._manifest["parts"]}
    return stored._manifest, parts


def test_no_path_of_the_author_is_in_a_report(engine, tmp_path, monkeypatch):
    home = tmp_path / "home of ann"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    secret = [f"{tmp_path}/data set/cat.jpg", f"{home}/cat.jpg", r"D:\ann\photos\cat.jpg"]
    renamed(
        engine,
        images=tuple(f"{tmp_path}/photos/{i}.jpg" for i in range(len(engine.info.images))),
        transform=f"Resize from {home}/transform.py",
        notes=(f"The folder {str(tmp_path)!r} was read",),
        skipped=tuple((path, f"can't open {path}") for path in secret),
    )
    monkeypatch.chdir(home)
    explorer = zf.Explorer(engine, layer="conv1", stride=8, patch=8)
    path = tmp_path / "report.html"
    zf.save_report(explorer, path, images=[0], progress=False)
    stored = zf.load_report(path)
    content = path.read_text("utf-8") + repr(everything(stored))
    for hidden in (str(tmp_path), str(home), "home of ann", r"D:\ann", "D:\\\\ann"):
        assert hidden not in content
    assert stored.info.images[3] == "3.jpg"
    assert "cat.jpg" in content
