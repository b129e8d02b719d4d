"""The inside of a server: who asks, in which turn it is computed, and what is kept."""
