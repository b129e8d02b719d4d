import * as styles from "../styles";
import { chart } from "../views/charts/chart";
import { type Charted, FIRST } from "../views/charts/spec";
import { ownWidget } from "./shared/mount";

export default ownWidget<Charted>("chart", chart, [styles.chart], FIRST, false);
