// Every src/widgets/*.ts becomes one self-contained module, ../zfwidgets/static/<name>.js.
// One module a widget, because anywidget sends the whole of it with every instance.
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const widgets = join(here, "src", "widgets");
const outdir = join(here, "..", "zfwidgets", "static");
const watch = process.argv.includes("--watch");

const entryPoints = (await readdir(widgets, { withFileTypes: true }).catch(() => []))
  .filter((entry) => entry.isFile() && /(?<!\.d)\.ts$/.test(entry.name))
  .map((entry) => join(widgets, entry.name));
if (entryPoints.length === 0) {
  console.error(`no entry points: expected at least one TypeScript file in ${widgets}`);
  process.exit(1);
}

// A widget that was renamed or removed must not live on in the package.
await mkdir(outdir, { recursive: true });
for (const name of await readdir(outdir)) {
  if (name.endsWith(".js")) await rm(join(outdir, name));
}

const options = {
  entryPoints,
  outdir,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  loader: { ".css": "text" },
  legalComments: "inline",
  logLevel: "info",
};

if (watch) {
  const context = await esbuild.context(options);
  await context.watch();
} else {
  await esbuild.build(options);
}
