"""The frozen copy of a model as named layers: how it is run, and what it is made of."""

from __future__ import annotations
