"""A widget's place in a notebook: itself, and a static picture for when it can't live."""

from __future__ import annotations

import base64
import html
import sys
import uuid
from typing import Any

from PIL import Image

from ...drawing.page import one_line
from ...threads import OneOnly
from .page import to_jpeg
from .unattended import VIEW, complete_later


class TwoOutputs(OneOnly):
    """Displays a widget as two outputs, of which the page hides the second while it lives.

    The picture stays in saved notebooks, and is what shows where they are read without kernel, or
    by somebody who doesn't trust them.
    """

    _picture_id: str | None = None
    """Id of the second output; None before the widget was displayed."""
    _picture: Image.Image | None = None
    """What was shown last, where `_keeps_picture`."""
    _keeps_picture = False
    """Megabytes, and IPython lets go of no widget whose cell was run again: only while needed."""

    def __init__(self, *arguments: Any, **names: Any) -> None:
        super().__init__(*arguments, **names)
        complete_later(self)

    def _paint_known(self) -> Image.Image:
        """The picture as far as it is known; computes nothing."""
        raise NotImplementedError

    def _complete_picture(self, timeout: float) -> bool:
        """Have the picture show the present view; False if time ran out. Raises what failed."""
        raise NotImplementedError

    def _describe(self) -> str:
        """What the picture shows, for those who don't see it."""
        raise NotImplementedError

    @property
    def displayed(self) -> bool:
        """Whether it was displayed, and isn't closed."""
        return self._picture_id is not None

    def _ipython_display_(self, **_: Any) -> None:
        from IPython.display import display

        bundle = None if self.comm is None else _bundle(self)  # type: ignore[attr-defined]
        if bundle is None:
            display({"text/plain": f"{type(self).__name__} (closed)"}, raw=True)
            return
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        display(data, metadata=metadata, raw=True)
        if not _on_a_page_of_solara():
            self._show_beside()

    def _show_beside(self) -> None:
        """Display the picture, and keep it up to date."""
        self._picture_id = self._picture_id or uuid.uuid4().hex
        self._show_picture(self._paint_known(), update=False)
        self._displayed()

    def _displayed(self) -> None:
        """Called when both outputs stand."""

    def _show_picture(self, picture: Image.Image, *, update: bool = True) -> None:
        if self._keeps_picture:
            self._picture = picture
        if not self.displayed:
            return
        from IPython.display import display

        alt = one_line(f"zfwidgets {type(self).__name__}: {self._describe()}")
        display(
            {"image/jpeg": to_jpeg(picture), "text/plain": alt},
            metadata={
                "alt": alt,
                "image/jpeg": {"width": picture.width * 3 // 4, "alt": alt},
                "zfwidgets": {"model_id": getattr(self, "model_id", None)},
            },
            raw=True,
            display_id=self._picture_id,
            update=update,
        )


def _bundle(widget: Any) -> Any:
    """What a page is told to show a widget; ipywidgets 7's boxes don't say it themselves."""
    made = getattr(widget, "_repr_mimebundle_", None)
    if made is not None:
        return made()
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"text/plain": repr(widget), VIEW: view}


def _on_a_page_of_solara() -> bool:
    """Whether what is displayed becomes a part of its page, which is never without its kernel."""
    reacton = sys.modules.get("reacton.core")
    return reacton is not None and reacton.get_render_context(required=False) is not None


def still_picture(widget: TwoOutputs) -> str:
    """HTML for a page that can't show the widget: the picture as far as it is known, and why.

    It waits for nothing, as every display; whoever wants the whole picture has `snapshot` wait.
    """
    picture = base64.b64encode(to_jpeg(widget._paint_known())).decode()  # noqa: SLF001
    alt = html.escape(one_line(f"zfwidgets {type(widget).__name__}: {widget._describe()}"), True)  # noqa: SLF001
    return (
        f'<img alt="{alt}" src="data:image/jpeg;base64,{picture}" style="max-width: 100%">'
        "<p>A still picture: this page can't show the widget itself. widget.settle() before it "
        "waits until all is computed; widget.result is the record.</p>"
    )
