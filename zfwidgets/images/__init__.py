"""From images of any kind to what the network sees, and back to pixels for the eye.

`source` composes the rooms: `sets` (what users may pass, ``docs/images.md``), `pixels` (decoding,
transforms, display), `feeding` (reading ahead), `generated` (labelled pictures that are drawn, each
from the seed and its number alone). `skipped` lists what can't be read.
"""
