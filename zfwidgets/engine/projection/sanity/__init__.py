"""What of a projection was learned: the same unit, drawn again in a network that is randomised.

- `randomise`: the modules between a unit and the pixels, and random parameters for them.
- `projecting`: the unit's picture there, from its trained activation.
- `ranks`: how alike two pictures are; needs no torch.
- `number`: for one unit, alike how much once its own filters are drawn anew.
"""
