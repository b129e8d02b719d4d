import * as styles from "../styles";
import { channels } from "../views/channels";
import { layers } from "../views/layers";
import { layout } from "../views/layout";
import { widget } from "./shared/mount";

export default widget("picker", layout("picker", [layers, channels]), [styles.picker]);
