"""Programs that show widgets, as far as these must know of them: `marimo`."""
