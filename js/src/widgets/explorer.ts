import * as styles from "../styles";
import { explorer } from "../views/explorer";
import { widget } from "./shared/mount";

export default widget("explorer", explorer, styles.EXPLORER);
