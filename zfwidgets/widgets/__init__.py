"""Widgets show records and send intentions back; they never import torch."""
