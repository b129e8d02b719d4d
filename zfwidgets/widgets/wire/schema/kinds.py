"""Kinds of requests: what their keys say and what their answers hold."""

from __future__ import annotations

from typing import NamedTuple

from .limits import LARGEST_THUMBNAIL, MOST_PATCHES, MOST_PHOTOS, MOST_THUMBNAILS
from .objects import COVER, SIZE, UNIT_IN_PHOTO, Fields


class Kind(NamedTuple):
    """A kind of request: its key without the fingerprint, and its answer.

    Attributes
    ----------
    help
        What is asked for.
    key
        Fields of the key.
    data
        Fields of the answer's JSON, or the name of one of `OBJECTS`.
    buffers
        What the answer's buffers hold.
    asked_of
        Which widget's own model answers it; empty: each widget of an engine.
    """

    help: str
    key: Fields
    data: Fields | str
    buffers: str = "none"
    asked_of: str = ""


MAPS = {
    "probability": "<f4",
    "predicted": "<i4",
    "total": "<f4",
    "logit": "<f4",
    "log_odds": "<f4",
    "unit": "<f4",
    "hamming": "<f4",
    "cosine": "<f4",
}
"""Buffers of an occlusion map, (rows, columns) each, and their NumPy types."""

_LAYER: Fields = {"layer": "string"}
_CHANNEL: Fields = {**_LAYER, "channel": "int"}
_TOP: Fields = {**_CHANNEL, "k": f"int 1..{MOST_PATCHES}"}
_IMAGE: Fields = {"image": "int"}
_SLIDE: Fields = {**_IMAGE, **SIZE, "stride": "int",
                  **{name: COVER[name] for name in ("baseline", "mask", "extra_boxes")},
                  "layer": "string | null"}  # fmt: skip
_SCALES: Fields = {
    "scale": "number # Scale of all of them together.",
    "brightness": "number # Scale of all of them together, as brightness.",
    "focus": "int # Side of the square around each unit's middle that holds 95 % of their "
    "energy, in pixels.",
    "colour_share?": "number # Share of their energy, 0..1, that is one colour and its "
    "opposite; older reports don't say.",
    "clearest?": '"brightness" | "colour" # Which values "auto" shows.',
    "clipped_at": "number # Percentile of non-zero magnitudes at which scales clip.",
}
GROUPS: dict[str, tuple[str, Fields]] = {
    "UnitInPhoto": ("A unit of a channel, in a photo.", UNIT_IN_PHOTO),
    "Slide": ("An occluder that slides over a photo.", _SLIDE),
    "ProjectionScales": ("What projections of one channel are shown by, together.", _SCALES),
}
"""Fields that several keys or answers have: in TypeScript a type of their own."""

_MIME: Fields = {"mime": "string"}
_SO_FAR: Fields = {"so_far?": "SoFar"}
_SHEET: Fields = {"size": "int # Pixels of a thumbnail's side.", "columns": "int", **_MIME}

KINDS: dict[str, Kind] = {
    "catalogue": Kind("What there is to ask for.", {}, "Catalogue"),
    "index": Kind("Answered once the index is there.", {}, {}),
    "channels": Kind(
        "Statistics of a layer's channels.",
        _LAYER,
        {"channels": "int", **_SO_FAR},
        "float32 mean, float32 silent (0..1), float32 strongest, int32 image, each (channels,)",
    ),
    "sheet": Kind(
        "Thumbnails of channels: each one's strongest patch.",
        {
            **_LAYER,
            "first": "int",
            "count": f"int 1..{MOST_THUMBNAILS}",
            "size": f"int 1..{LARGEST_THUMBNAIL} # Pixels of a thumbnail's side.",
        },
        {
            "first": "int",
            "count": "int",
            "lost?": "[channel: int, name: string, reason: string][] # Channels whose photo can't "
            "be read any more.",
            **_SHEET,
            **_SO_FAR,
        },
        "one picture: the thumbnails row by row",
    ),
    "top": Kind(
        "A channel's strongest activations.",
        _TOP,
        {
            "activations": "TopActivation[]",
            "lost?": "Lost[]",
            "patch": "Pair # Rows and columns of a patch.",
            "images_seen": "int",
            **_MIME,
            **_SO_FAR,
        },
        "one picture per activation: its patch, the receptive field moved into the photo",
    ),
    "projections": Kind(
        "Projections of a channel's strongest activations.",
        {**_TOP, "rule": "string"},
        {
            "projections": "(ProjectionInfo | null)[]",
            "lost?": "Lost[]",
            **_SCALES,
            "patch": "Pair",
            **_MIME,
            **_SO_FAR,
        },
        "one picture per projection that exists, always lossless: as large as its patch, "
        "signed around mid-grey 128 (127 levels = its `full`)",
    ),
    "photo": Kind(
        "A photo as the network saw it.",
        _IMAGE,
        {
            **_IMAGE,
            "name": "string",
            "label": "string | null",
            "rows": "int",
            "columns": "int",
            **_MIME,
        },
        "one picture",
    ),
    "predict": Kind(
        "Class probabilities of a photo.",
        {**_IMAGE, "occluder": "Occluder | null"},
        {"classes": "int"},
        "float32 probabilities (classes,)",
    ),
    "respond": Kind(
        "What one occluder does to a layer.",
        {**_IMAGE, "occluder": "Occluder", **_LAYER},
        {
            **_LAYER,
            "channels": "int",
            "strongest": "int # The channel with the largest total without occluder.",
            "hamming": "number",
            "cosine": "number",
        },
        "float32 totals and strongest units under this occluder, then the same without, each "
        "(channels,)",
    ),
    "sample": Kind(
        "A sample of a channel's largest activations.",
        _CHANNEL,
        {"complete": "boolean"},
        "int32 images, float32 values",
    ),
    "quantiles": Kind(
        "Images from every tenth of a channel's range, weakest tenth first; `partial`s as they "
        "come.",
        _CHANNEL,
        {
            "rows": "QuantileRow[]",
            "images_seen": "int",
            "sampled": "int # How many images were sorted into parts: all, or a sample.",
            "exact": "boolean",
            "partial": "boolean",
            **_SHEET,
        },
        "one sheet of thumbnails, in the order of the activations",
    ),
    "occlusion": Kind(
        "The map of an occluder's places; `partial`s carry it so far.",
        {**_SLIDE, "target": "int | null", "channel": "int | null"},
        "OcclusionData",
        f"{len(MAPS)} maps, (rows, columns) each: {', '.join(MAPS)}",
    ),
    "estimate": Kind(
        "How long a map will take.",
        _SLIDE,
        {"positions": "int", "seconds": "number | null", "basis": '"measured" | "probe"'},
    ),
    "cover": Kind(
        "What remains of a channel's strongest units once their patches are covered; `partial`s "
        "as they come.",
        {**_TOP, "baseline": "Baseline"},
        {
            "covers": "Covered[]",
            "lost?": "Lost[]",
            "baseline": "Baseline",
            "k": "int",
            "partial": "boolean",
        },
    ),
    "about": Kind(
        "What a channel's nine strongest share, and which channels respond like it.",
        _CHANNEL,
        {
            "by": '"label" | "predicted class" | "" # What groups are made of; empty: of nothing.',
            "why": "string # Why there are no groups; empty if there are.",
            "grouped": "int # How many images' groups are known.",
            "groups": "SharedName[] # The least probable by chance first.",
            "looks": "SharedName[] # What the nine patches look like; only of small fields.",
            "looked": "int # Random patches they were compared with; 0: fields are too large.",
            "alike": "[channel: int, correlation: number][] # Most alike first.",
            "prefers": "Preferred[]",
            "prefers_why": "string # Why none are told, whatever the numbers are; empty: they are.",
            "images": "int # Over how many images `alike` and `prefers` are.",
            "complete": "boolean # Whether these are all that were looked at.",
        },
    ),
    "sanity": Kind(
        "How alike the picture of a channel's strongest unit stays once its own filters are drawn "
        "anew; null: an empty picture.",
        {**_CHANNEL, "rule": "string"},
        {
            "name": "string # The photo.",
            "own": "string[] # The modules of its own filters, which were drawn anew.",
            "rank": "number | null # Rank correlation with the trained network's picture.",
            "depends": '"hardly" | "partly" | "clearly" | "" # On these filters; empty: not known.',
            "modules": "string[] # All between the unit and the pixels.",
            "rank_all": "number | null # Once all of these are drawn anew.",
            "others": "(number | null)[] # Likeness to other channels' trained pictures there.",
            "median": "number | null # That of `others`.",
        },
    ),
    "orders": Kind(
        "How alike the photos of each channel's nine are, and how suspicious their units' places.",
        _LAYER,
        {
            "channels": "int",
            "features": "string # The layer by whose features photos are compared.",
        },
        "float32 readable (mean cosine of all pairs; 0: as alike as any two), float32 suspicious "
        "(minus the logarithm of the chance), each (channels,), NaN where there is none",
    ),
    "check": Kind(
        "A step of one of a sanity check's runs; null: it can't be compared.",
        {"check": "string # Names the run.", "step": "int"},
        {
            "step": "int",
            "module": "string # What was randomised last; empty for the trained network.",
            "note": "string",
            "rank": "number | null # How alike its picture and the trained one are.",
            "rank_absolute": "number | null",
            "ssim": "number | null",
            **_MIME,
        },
        "one picture, lossless",
        "a `zf.SanityCheck`",
    ),
    "question": Kind(
        "A question of a quiz: which of two photos fires a channel more?",
        {"quiz": "string # Names the round.", "number": "int"},
        {
            **_CHANNEL,
            "choices": "QuizChoice[] # The left photo and the right one.",
            "hint": "TopActivation[] # The strongest activations in other photos.",
            "lost": "Lost[] # Photos of the hint that can't be shown.",
            "rule": "string # What the rule of the projections is called; empty: there are none.",
            "projections": "ProjectionInfo[]",
            "scale": "number # The projections' common scale.",
            "patches": "int # How many pictures of patches there are.",
            "patch": "Pair",
            "extent": "Pair # Rows and columns of a photo.",
            **_MIME,
            "signed_mime": "string",
        },
        "the two photos, the hint's patches, and its projections",
        "a `zf.Quiz`",
    ),
    "exercise": Kind(
        "A question of a lesson; with the answer, once it is answered.",
        {"question": "string # Names the try.", "revealed": "boolean"},
        {
            "ask": "string",
            "figures": "LessonFigure[]",
            "options": "LessonOption[] # What there is to choose from, if anything.",
            "scale": "{ low: number; high: number; unit: string } | null # What may be estimated.",
            "answer": "number | null # The right option's number, or what was to be estimated; "
            "null before it is answered.",
            "mime": "string",
        },
        "one picture for each figure",
        "a `zf.Question`",
    ),
    "worksheet": Kind(
        "What the words mean, and what was answered.",
        {"worksheet": "string # Names it."},
        {
            "glossary": "[word: string, meaning: string][]",
            "csv": "string # All answers, one line an attempt.",
            "name": "string # Name of a file for them.",
        },
        "",
        "a `zf.Worksheet`",
    ),
    "wall": Kind(
        "Pictures from `first` on, at most 64.",
        {"wall": "string # Names what is shown.", "first": "int"},
        {
            "first": "int",
            "total": "int",
            "columns": "int # Pictures in a row; 0: as many as there is room for.",
            "heads": "string[]",
            "sides": "string[]",
            "there": "boolean[]",
            "captions": "string[]",
            "details": "string[]",
            **_MIME,
        },
        "one picture for each that is there",
        "a `PictureWall` or `Marking`",
    ),
    "photos": Kind(
        "Which photos there are to choose from, beside the catalogue's.",
        {},
        {
            "own": "OwnPhoto[] # The newest first.",
            "no_own": "string # Why there can be none; empty if there can.",
            "most": "int # More of them and the oldest is forgotten.",
            "most_bytes": "int # Largest file of one, in bytes.",
            "most_pixels": "int # Most pixels of one, before the transform.",
            "held": "int[] | null # Those of the catalogue that a report holds; null: all.",
            "added?": "int # Answers the message that brought it.",
            "kept?": '"page" # Where own photos are, if not in the kernel.',
        },
    ),
    "thumbnails": Kind(
        "Thumbnails of photos as the network saw them.",
        {
            "images": f"int[] # At most {MOST_PHOTOS}.",
            "size": f"int 1..{LARGEST_THUMBNAIL} # Pixels of a thumbnail's side.",
        },
        {
            "images": "int[]",
            "lost": "[image: int, reason: string][] # Photos that can't be shown, and why.",
            **_SHEET,
        },
        "one picture: the thumbnails row by row",
    ),
    "predicted": Kind(
        "Each photo's predicted class; `partial`s as they come.",
        {},
        {"done": "int", "total": "int"},
        "int32 classes (images,): -1 where none is known, as of a photo that can't be read",
    ),
    "responses": Kind(
        "What all channels of a layer say to one photo.",
        {**_IMAGE, **_LAYER},
        {
            **_IMAGE,
            **_LAYER,
            "channels": "int",
            "rows": "int # Rows of a map as it is sent.",
            "columns": "int",
            "step": "int # So many rows and columns of the layer are one of it, their largest.",
        },
        "int32 channels, strongest first; in this order float32 strongest activation, float32 "
        "total, int32 row and int32 column of the strongest unit, each (channels,); uint8 maps "
        "(channels, rows, columns): 0 is zero or less, 255 the channel's strongest activation",
    ),
    "look": Kind(
        "A channel's strongest unit on one photo: the fields of `top` and of `projections`.",
        {**_IMAGE, **_CHANNEL, "rule": "string"},
        {
            "activations": "TopActivation[] # One.",
            "patch": "Pair # Rows and columns of a patch.",
            "images_seen": "int",
            "projections": "(ProjectionInfo | null)[] # One.",
            **_SCALES,
            "why": "string # Why there is no projection; empty if there is.",
            **_MIME,
        },
        "one picture, lossless: its patch; then its projection as in `projections`, if it exists",
    ),
}
