import * as styles from "../styles";
import { channels } from "../views/picker/channels";
import { layers } from "../views/picker/layers";
import { layout } from "../views/shared/layout";
import { widget } from "./shared/mount";

export default widget("picker", layout("picker", [layers, channels]), [styles.picker]);
