"""Invariance (paper, section 4 and Fig. 5): photos are shifted, scaled and rotated.

"Small transformations have a dramatic effect in the first layer of the model, but a lesser impact
at the top feature layer, being quasi-linear for translation and scaling. The network output is
stable to translations and scalings. In general, the output is not invariant to rotation, except
for object with rotational symmetry." Measured are the Euclidean distance of a layer's features to
those of the untransformed photo, the probability of its class, and how much of a rotation's curve
repeats (`InvarianceCurves.symmetry`). How photos are transformed: `transforms`.
"""
