// node test/harness/build.mjs [folder]: the harness page, to be opened from disk.
import { cp, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(tmpdir(), "zfwidgets-harness");
await mkdir(out, { recursive: true });
await cp(join(here, "index.html"), join(out, "index.html"));
await esbuild.build({
  entryPoints: { harness: join(here, "main.ts"), alive: join(here, "alive.ts") },
  outdir: out,
  bundle: true,
  format: "iife",
  target: "es2022",
  loader: { ".css": "text" },
});
process.stdout.write(`${join(out, "index.html")}\n`);
