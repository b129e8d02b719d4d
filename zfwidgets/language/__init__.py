"""Languages: which one widgets speak, and the words that Python says in each.

`data/` has one file per language for lessons, handouts, quizzes and comparisons, with the same keys
in each. ``{n:# photo|# photos}`` in a text is "1 photo" or "3 photos".
What the page itself says stands in `js/src/lib/language/`, one file per language too.
"""
