"""The strongest feature map, covered (paper, section 4.2 and Fig. 7a to 7c).

For a photo: the map of a layer with the largest total activation; that total for each place of a
grey square (7b); the map's projection into this photo, beside its strongest patches in other
photos and their projections (7c). "When the occluder covers the image region that appears in the
visualization, we see a strong drop in activity in the feature map. This shows that the
visualization genuinely corresponds to the image structure that stimulates that feature map."

- **The square on the projection** lies where it holds most of the projection's energy (its squared
  values). What it leaves of the map's total is compared with what the square leaves at all places
  of the grid, those beside the object included: the mean over them is what a square at random does.
- **The map's total** is what counts, not the unit that the projection is of: a square that covers
  that unit's whole field stops it in any network, an untrained one too.
"""
