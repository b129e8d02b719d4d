import * as styles from "../styles";
import { type Sheet, worksheet } from "../views/lessons/worksheet";
import { ownWidget } from "./shared/mount";

export default ownWidget<Sheet>("worksheet-board", worksheet, [styles.lesson], {
  worksheet: "",
  part: "head",
  title: "",
  intro: "",
  says: "",
  answered: 0,
  asked: 0,
  resets: 0,
  projector: false,
  words: {},
  language: "en",
});
