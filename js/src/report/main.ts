/** Runs in the page as it is parsed, before the parts behind it have come. */

import { open } from "./page";

void open(document);
