"""The words of an Explorer's static picture, in a language in which each text is marked."""

from __future__ import annotations

import pytest

import zfwidgets as zf
from tests.experiments.small import Pictures, make_engine
from tests.marked import painted, spoken, unmarked


@pytest.mark.parametrize("patches", ["both", "revealed"])
@pytest.mark.parametrize("overlay", ["probability", "logit", "total", "hamming", "predicted"])
def test_it_says_everything_in_its_language(
    monkeypatch: pytest.MonkeyPatch, overlay: str, patches: str
) -> None:
    engine = make_engine(labelled=True)
    names = [*engine.info.images, *Pictures.classes, *(layer.name for layer in engine.layers)]
    known = " ".join([*names, "Sequential deconvnet p class"])
    with spoken(monkeypatch):
        explorer = zf.Explorer(engine, layer="4", overlay=overlay, patches=patches, stride=8)
        said = painted(explorer, monkeypatch)
    assert sum("·" in text for text in said) > 4
    assert unmarked(said, known) == set()
