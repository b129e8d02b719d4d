"""Languages: which one widgets speak, and the words that Python says in each.

`data/` has one file per language for lessons, handouts, quizzes and comparisons, with the same keys
in each.
What the page itself says stands in `js/src/language/`, one file per language too.
"""
