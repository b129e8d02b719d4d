"""Occlusion: what covers a photo, the passes over all positions, and what they change.

- `baselines`: what is put in the place of pixels, its shape, and how it is laid on an image.
- `positions`: all positions, coarse to fine, in batches that grow while they are quick; `runner`
  makes records of them, in steps, gone on with where one was stopped; `estimate` fits seconds to
  this network's passes on this device, or to a probe of four positions.
- `scoring` chooses the way: `route` says how far the occluder is felt, `places` which windows it
  reaches at each position, `incremental` computes only these anew, reading the maps of the
  unoccluded pass around them (`affected`), and `delta_convolution` filters only what changed,
  `winograd` by fewer multiplications. From the first operation that mixes a whole map the rest runs
  in full. Two of the first positions are compared with full passes each time; where they differ, or
  little is saved (on GPUs, for all but large images), every position is a full pass and the map's
  note says why.
- `layer_response`: what becomes of a layer; `predicting`: class scores; `covering`: a channel's
  strongest patches covered, beside random ones.
"""
