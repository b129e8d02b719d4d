"""The sanity check: does a projection depend on what the network has learned."""
