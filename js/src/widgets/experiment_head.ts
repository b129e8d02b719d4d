import * as styles from "../styles";
import { type Headed, head } from "../views/experiments/head";
import { ownWidget } from "./shared/mount";

export default ownWidget<Headed>("experiment-head", head, [styles.experiment], {
  name: "",
  facts: "",
  about: [],
  recorded: "",
});
