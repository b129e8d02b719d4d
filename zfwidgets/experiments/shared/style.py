"""The style sheet of the experiments' boxes, which ipywidgets give no place of its own."""

from __future__ import annotations

STYLE = """<style>
/* bqplot's text follows the notebook's theme. */
.zf-experiment .bqplot svg :is(.axis text, .axislabel) {
  fill: var(--jp-ui-font-color1, currentcolor);
}
.zf-experiment .bqplot svg .axis :is(path, line):not(.grid line) {
  stroke: var(--jp-ui-font-color2, currentcolor);
}
/* A recording says so above all else. */
.zf-experiment > .zf-recorded {
  border-left: 4px solid var(--jp-warn-color1, #b8860b);
  padding: 2px 8px;
  line-height: 1.4;
}
/* The box lives: hide the static picture of it, the next output (see base.css). */
.jp-OutputArea-child:has(.zf-experiment) + .jp-OutputArea-child:has(img[alt^="zfwidgets"]),
.jp-OutputArea-child:has(.zf-experiment) + .jp-OutputArea-child:has(> .jp-RenderedImage),
.output_area:has(.zf-experiment) + .output_area:has(> .output_jpeg),
.display_data:has(.zf-experiment) + .display_data:has(img[alt^="zfwidgets"]),
.output_container:has(.zf-experiment) + .output_container:has(img[alt^="zfwidgets"]) {
  display: none;
}
</style>"""
