"""A network's recorded graph as plain operations and numbers, to be run without PyTorch.

- `record` is what comes of it; needs no torch.
- `lowering` turns the graph's operations into a dozen that are run by hand, or says which it
  can't: before anything is written.
- `vocabulary` has one function for each of PyTorch's operations that can be turned, `norms` one for
  contrast norms.
- `running` runs them by PyTorch, so that what was turned is compared with the network itself.
- `preparation` says how a photo of any size becomes the network's image.
- `portable` puts all of that together, and measures what a precision of weights costs.

`js/src/report/live/` runs them in a report's page, up and down.
"""
