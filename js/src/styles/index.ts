/** Style sheets: what every widget needs, and what only some of its views need. */

import base from "./base.css";
import classes from "./classes.css";
import compare from "./compare.css";
import controls from "./controls.css";
import layouts from "./layouts.css";
import lesson from "./lesson.css";
import maps from "./maps.css";
import marking from "./marking.css";
import panels from "./panels.css";
import patches from "./patches.css";
import photo from "./photo.css";
import photos from "./photos.css";
import picker from "./picker.css";
import quiz from "./quiz.css";
import sanity from "./sanity.css";
import wall from "./wall.css";
import wholeScreen from "./whole_screen.css";

export const COMMON: readonly string[] = [base, panels, controls, layouts, wholeScreen];
export {
  classes,
  compare,
  lesson,
  maps,
  marking,
  patches,
  photo,
  photos,
  picker,
  quiz,
  sanity,
  wall,
};
