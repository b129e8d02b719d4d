"""What crosses the wire: each message, each kind of request, and the fields of what they hold.

The one place that says so. `validation` takes the fields of keys from here; the TypeScript types
(``js/src/lib/messages.ts``) and the tables of ``docs/protocol.md`` are made from it by
``js/hatch_build.py``, which loads this file alone: it must import nothing of the package.

A field is ``"type"`` or ``"type # what it is."``, in TypeScript's notation, where ``int`` is a
whole number, ``int 1..9`` one with limits, and ``name?`` a field that may be missing.
"""

from __future__ import annotations

from typing import NamedTuple

Fields = dict[str, str]

MOST_THUMBNAILS = 256
LARGEST_THUMBNAIL = 256
MOST_PATCHES = 100
MOST_PHOTOS = 64
"""Photos whose thumbnails one request may ask for."""
PART_BYTES = 4 << 20
"""Of a photo in one message: Jupyter's server takes none of more than 10 MiB."""
LONGEST_SIDE = 128
"""Rows and columns of a photo's feature maps in an answer, at most."""
MOST_LEVELS = 1 << 20
"""Bytes of these maps, at most, however many channels: Jupyter's server drops what is too much."""

# ---------------------------------------------------------------------- what answers are made of

_PLACE: Fields = {"top": "int", "left": "int"}
_SIZE: Fields = {"height": "int", "width": "int"}
_COVER: Fields = {
    **_SIZE,
    "baseline": "Baseline",
    "mask": "string | null # Which cells of the box are covered: 64 hex digits = 16 x 16 bits, "
    "row by row, the most significant first (nearest neighbour, scaled to its size). null: all.",
    "extra_boxes": "Box[] # Rectangles that stay covered, with the same baseline.",
}
_FIELD: Fields = {
    "size": "Pair",
    "stride": "Pair",
    "offset": "Pair",
    "reach": '"exact" | "upper bound" | "gated" | "global"',
}
_UNIT: Fields = {"row": "int", "col": "int", "value": "number", "box": "Box"}
_PROGRESS: Fields = {
    "what": "string",
    "done": "int",
    "total": "int",
    "seconds_left": "number | null",
}

ALIASES: dict[str, tuple[str, str]] = {
    "Pair": ("[rows: int, columns: int]", ""),
    "Baseline": (
        "string | number",
        "A number in the network's input units, or one of `baselines`.",
    ),
    "Unit": (
        "[layer: string, channel: int]",
        "One value, so that no view ever sees a channel of the wrong layer.",
    ),
    "Status": ('"paper" | "adjoint" | "linearised" | "unknown"', ""),
    "Lost": ("[name: string, reason: string]", "A photo that can't be read any more, and why."),
}

OBJECTS: dict[str, tuple[str, Fields]] = {
    "Box": ("A rectangle in pixels of the network's input.", {**_PLACE, **_SIZE}),
    "Cover": ("What covers, wherever it lies.", _COVER),
    "Occluder": ("What covers, and where it lies.", {**_COVER, **_PLACE}),
    "Field": ("A receptive field.", _FIELD),
    "FieldOfChannels": (
        "A receptive field that some channels of a layer have.",
        {**_FIELD, "first": "int[] # The first channels of the ranges that have it."},
    ),
    "Layer": (
        "A layer, as a call of a module.",
        {
            "name": "string",
            "kind": "string",
            "role": "string",
            "channels": "int",
            "rows": "int",
            "columns": "int",
            "rectified": "boolean",
            "field": "Field # Of all channels; where theirs differ, the smallest that holds them.",
            "fields?": "FieldOfChannels[] # Where channels' fields differ: each of them.",
            "parents?": "string[] # The layers whose outputs it reads (in a report of some layers: "
            "the nearest of them), an empty name for the image; missing where that isn't known.",
            "joined?": '"sum" | "concatenation" | "product" | "other" # How these outputs come '
            "together, where they are several.",
            "blocks?": "string[] # The blocks that it belongs to, outermost first; one that is a "
            "layer itself belongs to its own.",
        },
    ),
    "EngineInfo": (
        "What is looked into.",
        {
            "model": "string",
            "device": "string",
            "transform": "string",
            "notes": "string[]",
            "skipped": "[name: string, reason: string][]",
            "input": "[channels: int, rows: int, columns: int]",
        },
    ),
    "RuleInfo": (
        "A rule of projections, in words.",
        {
            "name": "string",
            "title": "string # What menus call it.",
            "answers": "string # The question that its pictures answer.",
            "reads_forward": "boolean | null # Whether it depends on which rectifiers were "
            "active; null: not known.",
            "status_note": "string # How a projection's status is to be read, where it isn't what "
            "it says; else empty.",
        },
    ),
    "ImageInfo": ("An image of the engine.", {"name": "string", "label": "string | null"}),
    "Catalogue": (
        "What there is to ask for.",
        {
            "engine": "EngineInfo",
            "layers": "Layer[]",
            "images": "ImageInfo[]",
            "classes": "string[]",
            "rules": "string[] # What a selection's `rule` may be.",
            "rule_info?": "Record<string, RuleInfo> # Each of them by name; older reports don't "
            "say.",
            "baselines": "string[] # Names of what may stand in place of pixels: grey, mean, blur, "
            "noise, border, the user's.",
            "no_classes": "string # Why there are no class scores; empty if there are.",
            "indexed": "boolean",
        },
    ),
    "TopActivation": (
        "One of a channel's strongest activations.",
        {
            "lost?": "string # Why its photo can't be read any more; nothing where it can.",
            "image": "int",
            "name": "string",
            **_UNIT,
        },
    ),
    "Operation": (
        "What a projection passed on its way down.",
        {"name": "string", "status": "Status", "count": "int", "note": "string"},
    ),
    "ProjectionInfo": (
        "What is to be known of a projection's picture.",
        {
            "image": "int",
            "scale": "number # Its own scale: the value shown as black or white when it is shown "
            "by itself.",
            "brightness": "number # Its own scale as brightness: the brightness shown as black or "
            "white.",
            "view": "Box # The part of the photo on which patch and projection are shown.",
            "full": "number # What 127 levels of its picture stand for: at least both scales.",
            "status": "Status",
            "operations": "Operation[]",
            "pools": "int",
            "blank?": "boolean # Whether its picture is zero everywhere; older reports don't say.",
            "near_ties?": "number | null # How strong a signal, 0..1 of the strongest, rounding "
            "sends here or there; null: not known.",
        },
    ),
    "Clean": (
        "The photo without occluder. null: what the network or the key doesn't have.",
        {
            "probability": "number | null",
            "logit": "number | null",
            "log_odds": "number | null",
            "total": "number | null # Total activation of the feature map.",
            "unit": "number | null # Its strongest activation, at `unit_place`.",
            "predicted": "int | null",
        },
    ),
    "OcclusionData": (
        "A map, as far as it is.",
        {
            "rows": "int",
            "columns": "int",
            "stride": "Pair",
            "size": "Pair",
            "target": "int | null",
            "layer": "string | null",
            "channel": "int | null",
            "clean": "Clean",
            "unit_place": "Pair | null",
            "no_classes": "string # Why there are no class scores; empty if there are.",
            "done": "int",
            "total": "int",
            "seconds_left": "number | null",
            "note": "string # Why every position was a full pass; empty if only what changed was "
            "computed.",
        },
    ),
    "Moved": (
        "Where a channel's maximum of an image went; the box may reach over the border.",
        _UNIT,
    ),
    "Control": (
        "The unit's activation with random patches of the same size covered instead.",
        {
            "mean": "number",
            "low": "number",
            "high": "number",
            "n": "int",
            "overlap": "number # The mean share of the receptive field that they cover.",
        },
    ),
    "Covered": (
        "One of a channel's strongest patches, covered.",
        {
            "image": "int",
            "name": "string",
            "unit": "Pair",
            "box": "Box # Its receptive field, cut by the image's border: what is covered.",
            "before": "number # The unit's activation without the cover.",
            "after": "number",
            "moved": "Moved",
            "control": "Control | null # null: not computed yet.",
        },
    ),
    "QuantileRow": (
        "A part of the images, between two quantiles of a channel's largest activations.",
        {
            "low": "number",
            "high": "number",
            "images": "int",
            "silent": "int # In how many of them the channel isn't active.",
            "activations": "TopActivation[] # A few of the images in which it is, strongest first.",
            "lost?": "Lost[] # Those whose photos can't be read any more.",
        },
    ),
    "SharedName": (
        "Something that many of a channel's nine strongest have in common.",
        {
            "text": "string # What it is, as `birds` or `red`.",
            "count": "int # How many of the nine have it.",
            "of": "int # How many of the nine are known.",
            "share": "number # Its share among all images that are known, or random patches, 0..1.",
            "compared": "int # Over how many of these that is.",
            "p": "number # The chance that any channel of the layer has any name so by chance, at "
            "most.",
            "named": "boolean # Whether that is small enough for a name.",
            "most": "[name: string, count: int] | null # The most frequent class in it.",
        },
    ),
    "Preferred": (
        "A group of images to which a channel responds more strongly than to all.",
        {
            "text": "string",
            "mean": "number # Of the channel's largest activation in its images.",
            "more": "number # How far that is above the mean of all images.",
            "images": "int",
        },
    ),
    "QuizChoice": (
        "One of the two photos of a question, with the channel's strongest unit in it.",
        {
            "image": "int",
            "name": "string",
            **_UNIT,
            "percentile": "number # Share of the photos, 0..100, in which the channel is weaker.",
        },
    ),
    "LessonMark": (
        "A rectangle on a picture of a lesson, in its pixels.",
        {"box": "Box", "text": "string"},
    ),
    "LessonFigure": (
        "A picture of a lesson.",
        {
            "picture": "int # Which buffer it is.",
            "caption": "string",
            "alt": "string",
            "extent": "Pair",
            "marks": "LessonMark[]",
        },
    ),
    "LessonOption": (
        "An answer to choose from.",
        {
            "text": "string",
            "told": "string # What is said of it once the question is answered.",
            "figure": "LessonFigure | null",
        },
    ),
    "SoFar": (
        "Of a partial answer while the index is being built: finished answers have none.",
        {
            "images": "int # Over how many of the images it is.",
            "of": "int",
            "same": "boolean # Nothing else has changed since the last one: there are no buffers.",
        },
    ),
    "Progress": ("How far a computation is.", _PROGRESS),
    "IndexProgress": (
        "How far the pass is that builds the index.",
        {
            **_PROGRESS,
            "per_second": "number | null",
            "filled": "[channels: int, of: int] | null # Channels that have nine patches, and how "
            "many there are.",
            "paused": "boolean # Nobody moves it on.",
        },
    ),
    "OwnPhoto": (
        "A photo of the user's own, in the kernel's memory alone.",
        {
            "image": "int # Its number: as that of an image of the engine, beyond the last one.",
            "name": "string",
            "notes": "string[] # What was made of its pixels before the transform.",
        },
    ),
    "Problem": ("What went wrong.", {"name": "string", "message": "string"}),
}

# ---------------------------------------------------------------------- messages

_ADDRESS: Fields = {"view": "string", "slot": "string"}
_ASKED: Fields = {"kind": "Kind", "key": "object"}

MESSAGES: dict[str, tuple[str, Fields]] = {
    "Request": (
        "The page asks for an answer.",
        {
            "zf": "1",
            "op": '"get"',
            **_ADDRESS,
            **_ASKED,
            "turn": "int # Number of the request in its view, kept when it is sent again.",
            "priority": "int",
        },
    ),
    "Cancel": ("The page needs no answer any more.", {"zf": "1", "op": '"cancel"', **_ADDRESS}),
    "Pause": (
        "Have the pass that builds the index rest, or go on.",
        {"zf": "1", "op": '"pause" | "resume"', "view": "string"},
    ),
    "InRoom": (
        "Look around by oneself, go back to the teacher, or leave the room.",
        {"zf": "1", "op": '"wander" | "return" | "leave"', "view": "string"},
    ),
    "Add": (
        "A part of a photo of the user's own, in a buffer; the last one is answered as `photos`, "
        "with `added`. They come in order, all with one view and slot.",
        {
            "zf": "1",
            "op": '"add"',
            **_ADDRESS,
            "name": "string",
            "part": "int",
            "parts": "int",
        },
    ),
    "Remove": (
        "Forget a photo of the user's own; answered as `photos`.",
        {"zf": "1", "op": '"remove"', **_ADDRESS, "image": "int"},
    ),
    "Asked": ("What is asked for, whoever asks.", _ASKED),
    "Message": (
        "The kernel answers; buffers come with it.",
        {
            "zf": "1",
            "op": '"reply" | "partial" | "progress" | "error" | "superseded"',
            **_ADDRESS,
            **_ASKED,
            "turn": "int | null # That of the request; null if it had none.",
            "data": "unknown",
            "others?": "Asked[] # Of `progress`: other requests of which the same is said.",
        },
    ),
}

# ---------------------------------------------------------------------- kinds of requests


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
_SLIDE: Fields = {**_IMAGE, **_SIZE, "stride": "int",
                  **{name: _COVER[name] for name in ("baseline", "mask", "extra_boxes")},
                  "layer": "string | null"}  # fmt: skip
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
            "scale": "number # Of all of them together.",
            "brightness": "number # Of all of them together, as brightness.",
            "focus": "int # Side of the square around each unit's middle that holds 95 % of their "
            "energy, in pixels.",
            "clipped_at": "number # Percentile of non-zero magnitudes at which scales clip.",
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
            "others": "(number | null)[] # Of the trained pictures of other channels there.",
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
            "name": "string # Of a file for them.",
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
            "most_bytes": "int # Of the file of one.",
            "most_pixels": "int # Of one, before the transform.",
            "held": "int[] | null # Those of the catalogue that a report holds; null: all.",
            "added?": "int # Answers the message that brought it.",
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
            "rows": "int # Of a map as it is sent.",
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
            "scale": "number",
            "brightness": "number",
            "focus": "int",
            "clipped_at": "number # Percentile of non-zero magnitudes at which scales clip.",
            "why": "string # Why there is no projection; empty if there is.",
            **_MIME,
        },
        "one picture, lossless: its patch; then its projection as in `projections`, if it exists",
    ),
}
