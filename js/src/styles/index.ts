/** Style sheets: what every widget needs, and what only some of its views need. */

import classes from "./classes.css";
import base from "./common/base.css";
import controls from "./common/controls.css";
import layouts from "./common/layouts.css";
import panels from "./common/panels.css";
import compare from "./compare.css";
import boxes from "./experiments/boxes.css";
import chart from "./experiments/chart.css";
import experiment from "./experiments/experiment.css";
import marking from "./experiments/marking.css";
import quiz from "./experiments/quiz.css";
import sanity from "./experiments/sanity.css";
import wall from "./experiments/wall.css";
import lesson from "./lesson.css";
import maps from "./maps.css";
import patches from "./patches.css";
import photo from "./photo.css";
import photos from "./photos.css";
import picker from "./picker.css";
import wholeScreen from "./whole_screen.css";

export const COMMON: readonly string[] = [base, panels, controls, layouts, wholeScreen];
/** Those of all panels of an Explorer. */
export const EXPLORER: readonly string[] = [picker, patches, photo, photos, maps, classes];
export {
  boxes,
  chart,
  classes,
  compare,
  experiment,
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
