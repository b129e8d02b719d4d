import * as styles from "../styles";
import { classes } from "../views/classes";
import { layout } from "../views/layout";
import { photo } from "../views/photo";
import { widget } from "./shared/mount";

export default widget("occlusion", layout("occlusion", [photo, classes]), [
  styles.photo,
  styles.maps,
  styles.classes,
]);
