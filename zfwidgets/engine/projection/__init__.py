"""Projections of units to pixels: the rules, the way down, and what is kept for it.

Two ways lead down. `deconv` runs one ordinary forward pass of a whole image and puts the rule, as
hooks, on the autograd graph's rectifier nodes. `cone` and `units` compute only the windows that a
unit sees, in the recorded graph; `projector` chooses: the graph is replayed beside the model once,
on another image, and where they differ, or where an operation is unknown or mixes whole maps,
whole images are computed.

A unit of an image has one picture, bit for bit on one machine with one number of threads: its way
follows from its layer and place, never from what is kept or asked for beside it. So whole images go
one at a time; windows of one size share calls where nothing can round otherwise
(``Operation.exact``), and go through convolutions and all else one by one. On GPUs the way up
always takes whole images: kernels for windows round otherwise there, and in a photo's flat parts
other switches would come out. Switches take one byte each, in a cache that drops the least recently
used.

- `rules`: what happens at rectifiers and norms; `attribution`: Grad-CAM and LRP by captum and
  zennit, on a thread where no interrupt can leave half of what they do to the copy; `paths` finds
  the tensors that all of a unit's paths go through, one of which Grad-CAM weighs.
- `node_registry`: the certificate, i.e. each kind of autograd node and its status;
  `data_dependence` sees what the graph doesn't hold: masks by comparison, branches that are cut
  off, values that the code reads. ``docs/coverage.md`` says what was met in which network.
- `sanity`: projections in a network whose parameters are drawn anew.
- `saved_tensors` keeps what a pass saves as it was, whatever is written into it, in any number of
  threads at once: PyTorch's own ``allow_mutation_on_saved_tensors`` serves one thread of a process.
"""
