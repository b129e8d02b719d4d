"""Boxes of ipywidgets in pages that know none of these.

marimo shows anywidgets alone: there a box (`boxes`) brings a view that shows what is in it
(``js/src/widgets/boxes``). `marimo` is what is asked of it.
"""
