"""Names by a user's own embedding of pictures and words, such as CLIP's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.protocol import EngineProtocol
from ..errors import InputError, UnreadableImage
from ..records import Pixels
from .shared import K

Embed = Callable[[Sequence[Pixels]], Any]
EmbedWords = Callable[[Sequence[str]], Any]

BATCH = 90
"""Patches that are embedded together: ten channels' nine."""


@dataclass(frozen=True)
class EmbeddedName:
    """The words that are nearest to a channel's nine patches in an embedding.

    Attributes
    ----------
    layer, channel, text
        The channel, and the word nearest to it; "" where it fires in no image.
    score
        Mean cosine of the text with the nine patches.
    above
        How far that is above its mean over all channels that were named: near 0 the word says
        nothing of this channel alone. NaN where only one channel was named.
    alike
        The mean cosine of all pairs of the nine patches, -1..1: how much they have in common,
        whatever the words. NaN of fewer than two.
    words
        All words with their scores, nearest first.
    patches
        How many patches it is over: those whose photos can still be read.
    """

    layer: str
    channel: int
    text: str
    score: float
    above: float
    alike: float
    words: tuple[tuple[str, float], ...]
    patches: int

    def __str__(self) -> str:
        return f"{self.layer} : {self.channel}: {self.text} ({self.score:.2f})"


def name(
    engine: EngineProtocol,
    embed: Embed,
    words: Sequence[str],
    embed_words: EmbedWords,
    layer: str | None = None,
    channels: Iterable[int] | None = None,
) -> tuple[EmbeddedName, ...]:
    """Name channels by the words that are nearest to their nine patches in your own embedding.

    For one like CLIP's, in which pictures and words are neighbours if they belong together. The
    embedding names, and nobody checks it: the names are only as good as it is, and as the list of
    words is. Which of the words is nearest says nothing where all are far, see
    `EmbeddedName.above` and `EmbeddedName.alike`.

    Parameters
    ----------
    engine
        Engine whose channels are named; its index is built if it isn't there.
    embed
        Embeds pictures: a list of (rows, columns, 3) uint8 arrays to an (n, d) array.
    words
        Words or sentences to choose from.
    embed_words
        Embeds words: a list of str to an (n, d) array, in the same d dimensions.
    layer
        Name of the layer; None is the last one whose units lie on a map.
    channels
        Numbers of the channels; None is all of the layer.

    Returns
    -------
    tuple of EmbeddedName
        In the order of the channels.

    Raises
    ------
    InputError
        An embedding of another shape, or with numbers that aren't finite; no words; a channel
        that the layer doesn't have.
    UnknownLayer
        Naming the nearest.
    """
    info = engine.layer(_last_map(engine) if layer is None else layer)
    chosen = list(range(info.channels) if channels is None else channels)
    for channel in chosen:
        if not 0 <= channel < info.channels:
            raise InputError(
                f"channels has {channel}, but layer {info.name!r} has 0 .. {info.channels - 1}."
            )
    words = list(words)
    if not words:
        raise InputError("words is empty: give the words to choose from.")
    of_words = _vectors("embed_words", embed_words(words), len(words), "words")
    patches = [_patches(engine, info.name, channel) for channel in chosen]
    flat = [patch for one in patches for patch in one]
    batches = [
        _vectors("embed", embed(part), len(part), "pictures", of_words.shape[1])
        for part in (flat[first : first + BATCH] for first in range(0, len(flat), BATCH))
    ]
    of_patches = np.concatenate([np.zeros((0, of_words.shape[1])), *batches])
    ends = np.cumsum([len(one) for one in patches])
    vectors = np.split(of_patches, ends[:-1]) if chosen else []
    scores = np.array(
        [(one @ of_words.T).mean(0) if len(one) else np.full(len(words), np.nan) for one in vectors]
    )
    there = [at for at, one in enumerate(vectors) if len(one)]
    usual = scores[there].mean(0) if len(there) > 1 else np.full(len(words), np.nan)
    return tuple(
        _named(info.name, channel, words, score, usual, one)
        for channel, score, one in zip(chosen, scores, vectors, strict=True)
    )


def _named(
    layer: str,
    channel: int,
    words: Sequence[str],
    scores: NDArray[np.float64],
    usual: NDArray[np.float64],
    vectors: NDArray[np.float64],
) -> EmbeddedName:
    nan, count = float("nan"), len(vectors)
    if not count:
        return EmbeddedName(layer, channel, "", nan, nan, nan, (), 0)
    order = np.argsort(-scores, kind="stable")
    best = int(order[0])
    pairs = float((vectors.sum(0) ** 2).sum() - (vectors**2).sum())
    return EmbeddedName(
        layer,
        channel,
        words[best],
        float(scores[best]),
        float(scores[best] - usual[best]),
        pairs / (count * (count - 1)) if count > 1 else nan,
        tuple((words[i], float(scores[i])) for i in order),
        count,
    )


def _last_map(engine: EngineProtocol) -> str:
    maps = [layer for layer in engine.layers if layer.shape[1] * layer.shape[2] > 1]
    return (maps or engine.layers)[-1].name


def _patches(engine: EngineProtocol, layer: str, channel: int) -> list[Pixels]:
    found = []
    for activation in engine.top(layer, channel, K):
        assert activation.image is not None  # what an index found is in the engine's images
        try:
            pixels = engine.photo(activation.image)
        except UnreadableImage:
            continue
        found.append(np.ascontiguousarray(activation.box.inside(*pixels.shape[:2]).cut(pixels)))
    return found


def _vectors(
    call: str, found: Any, count: int, what: str, dimensions: int | None = None
) -> NDArray[np.float64]:
    """Checked vectors of length 1."""
    try:
        vectors = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{call} must give an array of {count} {what} x d numbers, not "
            f"{type(found).__name__}: {error}. A torch tensor needs .cpu().numpy()."
        ) from None
    wanted = f"({count}, {'d' if dimensions is None else dimensions})"
    fits = vectors.ndim == 2 and len(vectors) == count
    if not fits or dimensions not in (None, vectors.shape[1]):
        raise InputError(
            f"{call} must give an array of shape {wanted} for {count} {what}, not {vectors.shape}."
        )
    if not np.isfinite(vectors).all():
        raise InputError(f"{call} gives numbers that aren't finite.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise InputError(f"{call} gives a vector of zeros, which has no direction.")
    return np.asarray(vectors / lengths)
