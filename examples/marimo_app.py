"""In marimo: an Explorer, whose cells run again when its page chooses something else, and a quiz.

pip install marimo
marimo run examples/marimo_app.py       # or: marimo edit examples/marimo_app.py
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="zfwidgets in marimo")


@app.cell
def _():
    import marimo as mo

    import zfwidgets as zf

    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    return engine, mo, zf


@app.cell
def _(engine, mo, zf):
    explorer = mo.ui.anywidget(zf.Explorer(engine, layer="features.7", channel=42, auto=False))
    explorer
    return (explorer,)


@app.cell
def _(engine, explorer, mo):
    strongest = engine.top(explorer.layer, explorer.channel, 1)
    names = ", ".join(activation.image_name for activation in strongest) or "no photo"
    target = explorer.target
    class_name = "the predicted class" if target is None else engine.info.labels[target]
    mo.md(
        f"Layer **{explorer.layer}**, channel **{explorer.channel}** responds most to **{names}**. "
        f"Looking at photo **{engine.info.images[explorer.photo]}**, asking about "
        f"**{class_name}**."
    )
    return


@app.cell
def _(engine, zf):
    # Experiments and lessons are shown as they are, without mo.ui.anywidget.
    quiz = zf.Quiz(engine, layer="features.7", questions=3, seed=2)
    quiz
    return (quiz,)


if __name__ == "__main__":
    app.run()
