import * as styles from "../styles";
import { type Shown, wall } from "../views/experiments/wall";
import { ownWidget } from "./shared/mount";

export default ownWidget<Shown>("wall", wall, [styles.wall], {
  wall: "",
  label: "",
  note: "",
  size: 96,
  choosable: false,
  chosen: -1,
});
