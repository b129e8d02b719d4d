"""A classroom: many notebooks, one engine, and a teacher who leads."""
