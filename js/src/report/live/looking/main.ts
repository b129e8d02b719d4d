/** What the worker runs: its text is put into the page's script. */

import { serve } from "./worker";

serve(globalThis as unknown as Parameters<typeof serve>[0]);
