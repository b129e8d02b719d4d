"""The frozen copy of a model as named layers: how it is run, and what it is made of.

- `frozen` makes the copy, and says which models and devices are refused. The user's hooks never
  reach it, save those that compute weights. `modes` sets PyTorch's thread-local modes (grad,
  inference, autocast, default device) inside each public call and each step; nothing global is
  touched.
- `network` has the copy as named layers: a layer is one *call* of one module (``relu``,
  ``relu@1``). `tracing` finds them in one forward pass of one image; `layout` knows which axis
  holds the channels, `tokens` which tokens of a transformer are which places of a map. Layers of
  which that isn't known aren't listed, and the engine's notes name them.
- `connections` says what each layer reads, and which blocks it belongs to.
- `repeats` refuses a model that gives something else for the same image the second time, or beside
  another image. A pass's hooks do nothing once it is over, even where an interrupt has left one.
- `memory`: how many images are a batch. It follows from the network, its input and the device, by
  the most that an image's tensors take side by side, so that the same images share a batch again.
  Batches are halved when memory runs out after all, and the engine's notes say so.
- `runtime` is what every part of an engine computes with: a network, its images, its memory and
  its lock.
- `costs`: what starting an operation costs on a device, beside its multiply-adds. `feature_maps`
  gives one channel's maps of a few images.
"""
