import * as styles from "../styles";
import { classes } from "../views/occlusion/classes";
import { photo } from "../views/occlusion/photo";
import { layout } from "../views/shared/layout";
import { widget } from "./shared/mount";

export default widget("occlusion", layout("occlusion", [photo, classes]), [
  styles.photo,
  styles.maps,
  styles.classes,
]);
