import * as styles from "../styles";
import { type Asking, question } from "../views/lessons/question";
import { ownWidget } from "./shared/mount";

export default ownWidget<Asking>("question", question, [styles.quiz, styles.lesson], {
  question: "",
  kind: "choice",
  phase: "making",
  message: "",
  given: null,
  checks: 0,
  says: [],
  correct: null,
  chosen: "",
  before: "",
  place: "",
  words: {},
  language: "en",
  projector: false,
});
