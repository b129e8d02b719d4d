"""How much of a projection comes from learned weights: the unit again in a randomised network.

- `randomise`: the modules between a unit and the pixels, and random parameters for them.
- `projecting`: the unit's picture there, from its trained activation.
- `ranks`: how alike two pictures are; needs no torch.
- `number`: for one unit, alike how much once its own filters are drawn anew.
"""
