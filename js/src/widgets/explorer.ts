import * as styles from "../styles";
import { explorer } from "../views/explorer";
import { widget } from "./shared/mount";

export default widget("explorer", explorer, [
  styles.picker,
  styles.patches,
  styles.photo,
  styles.photos,
  styles.maps,
  styles.classes,
]);
