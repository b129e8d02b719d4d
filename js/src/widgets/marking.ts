import * as styles from "../styles";
import { marking } from "../views/experiments/marking";
import type { Marking } from "../views/experiments/marks";
import { ownWidget } from "./shared/mount";

export default ownWidget<Marking>("marks", marking, [styles.photo, styles.marking], {
  wall: "",
  label: "",
  note: "",
  size: 224,
  extent: [1, 1],
  parts: [],
  part: "",
  boxes: {},
});
