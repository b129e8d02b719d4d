"""The recorded graph of a forward pass: its operations, their geometry, and windows of maps.

- `graph` records, under a ``TorchDispatchMode``, what PyTorch really executes, without in-place
  operations, and refuses random ones before they run. What the graph can't stand for (code that
  looks at values, storage overwritten through a view) it says. `dispatched` reads one call.
- `operations` has the geometry of each operation, `geometry` the interval arithmetic: upwards
  receptive fields, downwards cones. `channelwise` knows which channels an operation reads, so that
  those of different branches keep fields of their own.
- `windows`: parts of maps. `window_operations`: how each operation runs on a part of its map, and
  is inverted on it; `switches` (pooling too) and `transposed` do the two steps that take the time.
- `near_ties` finds the windows of max-pools in which rounding decides the switch; `norms` tells
  contrast norms.
"""
