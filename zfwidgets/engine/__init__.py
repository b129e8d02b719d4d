"""Engines compute what the paper defines and answer with records."""
