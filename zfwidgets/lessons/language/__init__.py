"""The words of lessons: one file per language in `data/`, with the same keys in each."""
