import * as styles from "../styles";
import { type Headed, head } from "../views/experiments/head";
import { ownWidget } from "./shared/mount";

const FIRST: Headed = { name: "", facts: "", about: [], recorded: "" };

export default ownWidget("experiment-head", head, [styles.experiment], FIRST, false);
