import * as styles from "../styles";
import { compare } from "../views/compare";
import { pairWidget } from "./shared/mount";

export default pairWidget("compare", compare, [...styles.EXPLORER, styles.compare]);
