"""Reports: one HTML file that answers as the live widgets do; ``docs/reports.md``.

`writing` makes one, `reading` opens one again. Between them stands what both sides must agree on:
`files` (written whole or not at all), `parts` (packed answers), `pictures` (WebP), `coarse`
and `positions` (what is stored less exactly), `held` (what a report has), `checking` in the words
of `shapes` (what is let through). A report may come from anybody: nothing is unpacked unchecked.
"""
