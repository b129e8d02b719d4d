"""The pass over all images that ranks them for each channel, and the index that it leaves.

One streaming pass serves all layers, over a plan of batches; parts of it merge in any order to the
same bits. `index_pass` takes a batch in, `top_k` keeps the strongest, `ranking_spec` says what is
wanted. Ranks hold activations above zero only, so a ReLU's are those of the layer that it
rectifies, and the pass leaves ReLUs out (`aliases`); not if something was written into that
layer's output in between, as where a shortcut is added in place. A concatenation's are those of
the layers that it is made of.

`executors` says how batches get computed, here or elsewhere; `build` keeps checkpoints, so that a
pass that was killed goes on; `indexing` finds an index in the package, a folder or the cache, and
`repairing` mends one of other images with only the work needed. An index knows each image's stamp
(size and time of change, or a digest), which is compared whenever the image is read: a new photo
never stands beside an old value. A list's empty place has a value that no image outside of the list
exceeds: so images that are added later can't take a rank of one that was never listed.

`quantiles` finds units from every tenth of a channel's range, by the index's sample of values;
`verifying` computes an index's batches again and compares them: ``docs/index.md``.
"""
