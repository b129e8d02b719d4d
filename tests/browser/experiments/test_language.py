"""Experiments in German, in a real JupyterLab."""

from __future__ import annotations

from playwright.sync_api import expect

SETUP = """
import zfwidgets as zf

zf.set_language("de")
recorded = zf.experiments.recorded
"""


def test_experiments_speak_german(lab) -> None:
    notebook = lab.show(
        [SETUP, "zf.Evolution(recorded('evolution'))", "zf.Invariance(recorded('invariance'))"]
    )
    evolution = notebook.page.locator(".zf-evolution")
    invariance = notebook.page.locator(".zf-invariance")
    for box, name, texts in (
        (evolution, "Entwicklung", ["Merkmalskarten", "Zeitpunkt", "alle Schichten"]),
        (invariance, "Invarianz", ["senkrecht", "Wahrscheinlichkeit der Klasse", "px nach unten"]),
    ):
        head = box.locator(".zf-experiment-head")
        expect(head.locator("strong")).to_have_text(name)
        expect(head).to_have_attribute("lang", "de")
        expect(head.locator(".zf-recorded")).to_contain_text("hier wird nichts gerechnet")
        for text in texts:
            expect(box).to_contain_text(text)
        for root in box.locator(".zf-root").all():
            expect(root).to_have_attribute("lang", "de")

    # A menu's text is chosen in German, and means what it meant.
    menu = invariance.get_by_label("Veränderung")
    menu.select_option(label="Drehung")
    expect(invariance).to_contain_text("Grad")
    expect(invariance.locator(".zf-table")).to_contain_text("180°")

    # Explanations open over the panels, and fit into the page.
    evolution.get_by_role("button", name="Über dieses Experiment").click()
    card = evolution.get_by_role("dialog")
    expect(card).to_contain_text("Wie Merkmale entstehen")
    assert card.evaluate(
        "card => card.contains(document.elementFromPoint(...(b => [b.x + b.width / 2,"
        " b.y + b.height - 4])(card.getBoundingClientRect())))"
    )
    assert lab.problems == []
