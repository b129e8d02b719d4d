"""Sets of images of any kind: opened, counted, named.

`opening` tells what a user passed; `base` (files, the shipped photos), `items` (map-style datasets,
lists, and what an item consists of), `shards` (tar, by offset), `huggingface` (columns by their
features) and `iterables` (one pass, kept in a temporary file) make it an ``ImageSet``: names,
labels, stamps that tell a change, items by number. A set that has an item as a file or its bytes
gives these, so that decoding is the same for all. `repeatable` refuses images that are drawn at
random.
"""
