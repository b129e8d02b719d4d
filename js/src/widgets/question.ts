import * as styles from "../styles";
import { NOT_YET, question } from "../views/lessons/question";
import { ownWidget } from "./shared/mount";

export default ownWidget("question", question, [styles.quiz, styles.lesson], NOT_YET);
