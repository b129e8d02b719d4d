import * as styles from "../styles";
import { type Playing, quiz } from "../views/experiments/quiz";
import { ownWidget } from "./shared/mount";

export default ownWidget<Playing>("quiz-board", quiz, [styles.quiz], {
  quiz: "",
  hint: "patches",
  hard: false,
  ready: 0,
  total: 0,
  at: 0,
  given: [],
  says: [],
  bars: [],
});
