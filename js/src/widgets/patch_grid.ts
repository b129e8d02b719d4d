import * as styles from "../styles";
import { patches } from "../views/patches/patches";
import { widget } from "./shared/mount";

export default widget("grid", patches, [styles.patches]);
