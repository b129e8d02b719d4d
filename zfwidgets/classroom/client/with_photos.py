"""A remote engine whose server takes photos of the user's own."""

from __future__ import annotations

from typing import Any

from ...errors import InputError
from ...records import OwnPhoto
from ...threads import ProcessLock
from ..messages import frames
from .connection import Connection
from .own_photos import image_file
from .remote import RemoteEngine


class WithPhotos(RemoteEngine):
    """A remote engine whose server takes photos of the user's own."""

    def __init__(self, connection: Connection, told: dict[str, Any]) -> None:
        super().__init__(connection, told)
        self._own: tuple[OwnPhoto, ...] = ()
        self._one_by_one = ProcessLock()

    @property
    def own_photos(self) -> tuple[OwnPhoto, ...]:
        """Photos of your own that the server holds for you alone, the newest first."""
        return self._own

    def add_photo(self, photo: Any, name: str | None = None) -> int:
        """Send a photo of your own to the server; its number, to be given for an image.

        Only this kernel can see it. The server keeps it in memory, a few of each client, and
        forgets it when the kernel ends or is silent for long.

        Parameters
        ----------
        photo
            A path, the bytes of an image file, a PIL image, or a uint8 array (rows, columns, 3).
        name
            What it is to be called; None takes the file's name.

        Raises
        ------
        UnreadableImage
            It is no picture, or too large; says what may be.
        InputError
            It is nothing of the above, or the server takes no photos.
        """
        file, called = image_file(photo, name)
        return int(self._photos({"name": called, "file": file})["added"])

    def remove_photo(self, image: int) -> None:
        """Have the server forget a photo of your own."""
        last = len(self.info.images) - 1
        if 0 <= image <= last:
            raise InputError(
                f"Image {image} is one of the engine's: only photos that were added can be removed."
            )
        self._photos({"image": image})

    def _photos(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self._one_by_one:  # what was told last is what there is
            told: dict[str, Any] = self.connection.post(frames.PHOTOS, asked)
            self._own = tuple(told["own"])
        return told
