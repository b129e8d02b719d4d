import * as styles from "../styles";
import { grid } from "../views/grid";
import { widget } from "./shared/mount";

export default widget("grid", grid, [styles.patches]);
