import type { Marking } from "../lib/marks";
import * as styles from "../styles";
import { marking } from "../views/experiments/marking";
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
