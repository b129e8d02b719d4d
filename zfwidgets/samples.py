"""What the package ships to start with: an ImageNet network and photos (no download).

`network` is SqueezeNet 1.1 with its ImageNet weights, `photos` a set of freely licensed photos,
`categories` the names of the 1000 classes, `transform` what brings a photo to the network.
"""

from __future__ import annotations

from .images.samples import PhotoLicence, SamplePhotos, categories, photos, transform
from .models.squeezenet import load as network

__all__ = ["PhotoLicence", "SamplePhotos", "categories", "network", "photos", "transform"]
