"""Writing a report: what is collected, planned within a budget, and put on the page.

`planning` decides what goes in and how large it gets, before anything is computed; `collecting`
runs the widgets' own source over the engine, so that stored answers are those that a live widget
gets. `saving` puts widgets and texts together, `page` writes the HTML, `provenance` says where it
comes from, `scrubbing` cuts absolute paths, `markdown` renders texts. `figures` packs other
packages' widgets with their JavaScript.
"""
