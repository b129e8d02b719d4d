import * as styles from "../styles";
import { compare } from "../views/compare";
import { pairWidget } from "./shared/mount";

export default pairWidget("compare", compare, [
  styles.picker,
  styles.patches,
  styles.photo,
  styles.photos,
  styles.maps,
  styles.classes,
  styles.compare,
]);
