"""The engine: what Zeiler & Fergus define, computed on the user's own network.

Only code in here touches the model, hooks and devices; what comes out are records.

- `local`: the facade, `zf.Engine`: composes the rooms, holds the lock, answers with records.
- `protocol`: what every engine answers, live or stored in a report. It needs no torch.
- `session`: what experiments may ask of a live engine.
- `network`, `projection`, `occlusion`, `ranking`: a room for each thing that the paper defines.
- `portable`: a network's recorded graph as operations and numbers that run without PyTorch.
"""
