"""What several experiments have in common.

`boxes`: a widget whose result grows while steps are computed on the engine's worker, after all that
views ask for, with a button that stops and goes on (`going`: the steps that were stopped). `head`:
its first line, with the style sheet of the whole box; `layout`: panels, rows of controls and
headings; `charts`: lines, bars and points, which the page draws. `picture_wall`: pictures in rows
and columns, pulled by the page, kept by name. `running`: the plain function around any
experiment's steps.
`looking`: what layers and class scores are for images that the caller makes. `labelled` reads
labelled images; `seeded` keeps the global random state, and other threads' draws, as they are.
`safetensors_header`: files with a description. `recording`: results that were computed before, in a
file.
"""
