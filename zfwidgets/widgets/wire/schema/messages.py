"""Messages between the page and the kernel."""

from __future__ import annotations

from .objects import Fields

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
    "All": (
        "What the page has to say at once, none of it with buffers, in this order: a server and a "
        "page that show whether the kernel is busy do so for each message.",
        {
            "zf": "1",
            "op": '"all"',
            "of": "(Request | Cancel | Pause | InRoom | Remove)[]",
        },
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
            "others?": "Asked[] # Other requests of which the same `progress` is said.",
        },
    ),
}
