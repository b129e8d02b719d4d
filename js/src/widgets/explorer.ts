import { explorer } from "../views/explorer";
import { widget } from "./shared/mount";

export default widget("explorer", explorer);
