"""Textures of known direction and wavelength."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...records import Box, Pixels
from .base import Generated, Truth, noisy, two_colours

Map = NDArray[np.float64]


class Textures(Generated):
    """Ten textures in two colours that fill the picture.

    Stripes in four directions (horizontal, vertical, rising, falling, each within 10 degrees),
    checks, dots, rings, waves, and noise of fine (2.5 to 4 pixels) and coarse (8 to 16) grain;
    wavelengths of the others are 5 to 14 pixels. `Truth.angle` and `Truth.scale` have the
    direction of a picture and its wavelength.
    """

    classes = (
        "horizontal stripes",
        "vertical stripes",
        "rising stripes",
        "falling stripes",
        "checks",
        "dots",
        "rings",
        "waves",
        "fine noise",
        "coarse noise",
    )

    def _draw(self, label: int, random: np.random.Generator) -> tuple[Pixels, Truth]:
        first, second = two_colours(random)
        name = self.classes[label]
        wavelength = random.uniform(*_WAVELENGTHS.get(name, (5, 14)))
        angle = (_ANGLES[name] if name in _ANGLES else random.uniform(-90, 90)) + random.uniform(
            -10, 10
        )
        values = _pattern(name, self.size, wavelength, angle, random)
        share = values[:, :, None]
        mixed = np.asarray(first, float) * share + np.asarray(second, float) * (1 - share)
        box = Box(0, 0, *self.size)
        truth = Truth(label, name, box, angle, wavelength, (first, second))
        return noisy(mixed, random), truth


_ANGLES = {
    "horizontal stripes": 0,
    "vertical stripes": 90,
    "rising stripes": 45,
    "falling stripes": -45,
}
_WAVELENGTHS = {"fine noise": (2.5, 4), "coarse noise": (8, 16)}


def _pattern(
    name: str, size: tuple[int, int], wavelength: float, angle: float, random: np.random.Generator
) -> Map:
    """Values 0..1."""
    if name.endswith("noise"):
        return _noise(size, wavelength, random)
    rows, columns = size
    turn = np.deg2rad(angle)
    y, x = np.mgrid[:rows, :columns].astype(float)
    along = x * np.cos(turn) - y * np.sin(turn)  # rows count downwards, angles anticlockwise
    across = x * np.sin(turn) + y * np.cos(turn)
    wave = 2 * np.pi / wavelength
    phase = random.uniform(0, 2 * np.pi, 2)
    if name == "checks":
        values = np.cos(wave * across + phase[0]) * np.cos(wave * along + phase[1])
    elif name == "dots":
        values = np.cos(wave * across + phase[0]) + np.cos(wave * along + phase[1]) - 0.8
    elif name == "rings":
        row, column = random.uniform(0.2, 0.8, 2) * size
        values = np.cos(wave * np.hypot(y - row, x - column) + phase[0])
    elif name == "waves":
        bend = 0.35 * wavelength * np.sin(wave / 2.5 * along + phase[1])
        values = np.cos(wave * (across + bend) + phase[0])
    else:
        values = np.cos(wave * across + phase[0])
    sharp = random.uniform(1, 5)
    values = np.tanh(sharp * values) / np.tanh(sharp * np.abs(values).max())
    return np.asarray(0.5 + 0.5 * values)


def _noise(size: tuple[int, int], wavelength: float, random: np.random.Generator) -> Map:
    """White noise without frequencies above one a wavelength, stretched to 0..1."""
    rows, columns = size
    spectrum = np.fft.rfft2(random.normal(size=size))
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    values = np.fft.irfft2(spectrum * (frequency <= 1 / wavelength), s=size)
    low, high = values.min(), values.max()
    return np.asarray((values - low) / (high - low))
