"""Copies among pictures that were put there by hand."""

from __future__ import annotations

import torch
from torch.utils.data import TensorDataset

from benchmarks.claims.duplicates import find_copies


def test_copies_are_found():
    generator = torch.Generator().manual_seed(3)
    pixels = torch.rand(9, 3, 7, 11, generator=generator)
    other = torch.rand(6, 3, 7, 11, generator=generator)
    other[4], other[1] = pixels[2], pixels[8].flip(-1)  # a mirrored one is another picture
    other[5] = pixels[3]
    other[5, 0, 6, 10] += 1e-6
    data, test = (
        TensorDataset(pixels, torch.arange(9) % 2),
        TensorDataset(other, torch.arange(6) % 2),
    )
    assert find_copies(data) == ()
    assert find_copies(data, test) == (("image 2", "image 4"),)
    pixels[7], pixels[5] = pixels[2], pixels[2]
    assert find_copies(data) == (("image 2", "image 5"), ("image 2", "image 7"))
