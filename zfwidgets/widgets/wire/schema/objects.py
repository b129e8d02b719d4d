"""What answers are made of: objects with their fields, and names of types."""

from __future__ import annotations

Fields = dict[str, str]

_PLACE: Fields = {"top": "int", "left": "int"}
SIZE: Fields = {"height": "int", "width": "int"}
COVER: Fields = {
    **SIZE,
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
UNIT_IN_PHOTO: Fields = {"image": "int", "name": "string", **_UNIT}
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
    "Box": ("A rectangle in pixels of the network's input.", {**_PLACE, **SIZE}),
    "Cover": ("What covers, wherever it lies.", COVER),
    "Occluder": ("What covers, and where it lies.", {**COVER, **_PLACE}),
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
            "field": "Field # All channels'; where theirs differ, the smallest that holds them.",
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
            **UNIT_IN_PHOTO,
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
            "scale": "number # Own scale: the value shown as black or white when it is shown "
            "by itself.",
            "brightness": "number # Own scale as brightness: the brightness shown as black or "
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
            "unit": "number | null # Strongest activation, at `unit_place`.",
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
            "box": "Box # Receptive field, cut by the image's border: what is covered.",
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
            "share": "number # Share among all images that are known, or random patches, 0..1.",
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
            "mean": "number # Mean of the channel's largest activation in its images.",
            "more": "number # How far that is above the mean of all images.",
            "images": "int",
        },
    ),
    "QuizChoice": (
        "One of the two photos of a question, with the channel's strongest unit in it.",
        {
            **UNIT_IN_PHOTO,
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
        "How far a partial answer is while the index is being built: finished answers have none.",
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
            "image": "int # Number of the photo: like an image's, beyond the last one.",
            "name": "string",
            "notes": "string[] # What was made of its pixels before the transform.",
        },
    ),
    "Problem": ("What went wrong.", {"name": "string", "message": "string"}),
}
