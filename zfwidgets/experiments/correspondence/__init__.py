"""Correspondence (paper, section 4.3 and Table 1): do features know parts of objects.

"Deep models differ from many existing recognition approaches in that there is no explicit
mechanism for establishing correspondence between specific object parts in different images. [...]
However, an intriguing possibility is that deep models might be *implicitly* computing them." The
same part is masked in each photo i; e_i = x_i - x~_i is what that changes in a layer's features,
x~_i being those of the masked photo. If the part plays the same role everywhere, the changes have
the same signs:

    D = sum over pairs i != j of Hamming(sign(e_i), sign(e_j))

is lower than for random masks. Here D is divided by the number of pairs and of units, so that it
is the share of a layer's units whose signs differ, 0..1, the mean over pairs.

- **Zeros.** sign is -1, 0 or 1. A unit that the mask doesn't change has 0, which agrees with 0 and
  differs from both others. (Behind rectifiers most units are 0 with and without mask, which keeps
  D low: the paper's is around 0.07.) No change is too small to count: SqueezeNet's D in float32
  is that of float64 to 2e-5, as units out of the mask's reach are equal to the last bit.
- **What follows from that.** A mask that changes few units has a low D, whatever they are: so
  beside D stands the share of units that change, and, among units that change in both photos of
  a pair, the share whose signs are opposite (one half if signs were drawn by coin; it is close
  to that for all masks, parts too, so that D tells mostly which units change. Parts that lie at
  like places of all photos change like units in an untrained network too: compare with one).
- **Random masks** have the same sizes: for each part, each draw gives each photo a mask of its
  part's size, at a random place inside the photo, or inside a box of the object
  (``within="head"``), as the paper's "random object regions". They keep clear of all marked parts
  (``apart=False``: they don't), and a part is compared with those of its own sizes only: a larger
  mask changes more units, so that pooled sizes would favour small parts.
- **+-** is the standard deviation over pairs of photos (of all draws, for random masks), divided
  by n, not n - 1. The paper doesn't say what its own is.
"""
