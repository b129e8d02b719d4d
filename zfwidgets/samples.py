"""Networks and data to start with.

What the package ships, without a download:

- `network`: SqueezeNet 1.1 with its ImageNet weights; `transform` brings a photo to it,
  `categories` has the names of its 1000 classes;
- `photos`: freely licensed photos;
- `gallery`: a dozen of its channels that can be named at a glance;
- `textures`, `shapes`, `digits`, `scenes` (of several shapes): labelled pictures that the package
  draws itself, so that what they show is known (`zfwidgets.images.generated.Truth`).

And through torchvision, from a local copy or (``download=True``) from the network: `cifar10`,
`caltech101`.
"""

from __future__ import annotations

from .images.generated import Digits as digits
from .images.generated import Scenes as scenes
from .images.generated import Shapes as shapes
from .images.generated import Textures as textures
from .images.pixels.transforms import imagenet as transform
from .images.sets.gallery import GalleryUnit, gallery
from .images.sets.public import caltech101, cifar10
from .images.sets.samples import PhotoLicence, SamplePhotos, categories, photos
from .models.squeezenet import load as network

__all__ = [
    "GalleryUnit",
    "PhotoLicence",
    "SamplePhotos",
    "caltech101",
    "categories",
    "cifar10",
    "digits",
    "gallery",
    "network",
    "photos",
    "scenes",
    "shapes",
    "textures",
    "transform",
]
