import * as styles from "../styles";
import { type Chosen, sanity } from "../views/experiments/sanity";
import { ownWidget } from "./shared/mount";

export default ownWidget<Chosen>("check", sanity, [styles.sanity], {
  check: "",
  step: 0,
  measure: "rank",
});
