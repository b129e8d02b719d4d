// All of src/widgets/*.ts become widgets.js: a module whose default export is a function that makes
// them anew, by the names of their files. Every src/widgets/alone/*.ts becomes a module of its own.
// src/report/main.ts becomes report.js: a script, for pages where it runs as it is parsed;
// src/report/alive.ts becomes report_alive.js, which can also run a network in a worker.
// figures.js is what shows ipywidgets without Jupyter, for reports that hold some.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const widgets = join(here, "src", "widgets");
const alone = join(widgets, "alone");
const outdir = join(here, "..", "zfwidgets", "static");
const watch = process.argv.includes("--watch");

/** The names of the TypeScript files of a folder. */
async function modules(folder) {
  const names = (await readdir(folder, { withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile() && /(?<!\.d)\.ts$/.test(entry.name))
    .map((entry) => basename(entry.name, ".ts"))
    .sort();
  if (names.length > 0) return names;
  console.error(`no entry points: expected at least one TypeScript file in ${folder}`);
  process.exit(1);
}

// Style sheets are strings in the module, so nobody else would minify them.
const cssText = {
  name: "css-text",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await readFile(path, "utf8");
      const { code } = await esbuild.transform(css, { loader: "css", minify: !watch });
      return { contents: code, loader: "text" };
    });
  },
};

// A worker's script is text in the page's: pages from disk may load no other file.
const workerText = {
  name: "worker-text",
  setup(build) {
    build.onResolve({ filter: /\?worker$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace(/\?worker$/, ".ts")),
      namespace: "worker",
    }));
    build.onLoad({ filter: /.*/, namespace: "worker" }, async ({ path }) => {
      const { outputFiles } = await esbuild.build({
        entryPoints: [path],
        bundle: true,
        target: "es2022",
        minify: !watch,
        format: "iife",
        write: false,
      });
      return { contents: outputFiles[0].text, loader: "text", watchFiles: [path] };
    });
  },
};

const shared = {
  outdir,
  bundle: true,
  target: "es2022",
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  plugins: [cssText, workerText],
  legalComments: "inline",
  logLevel: "info",
};
const report = { in: join(here, "src", "report", "main.ts"), out: "report" };
const alive = { in: join(here, "src", "report", "alive.ts"), out: "report_alive" };
const single = await modules(alone);
const parts = (await modules(widgets)).map(
  (name) => `export { default as ${name} } from "./${name}";`,
);
const builds = [
  { ...shared, entryPoints: single.map((name) => join(alone, `${name}.ts`)), format: "esm" },
  {
    ...shared,
    stdin: {
      contents: parts.join("\n"),
      resolveDir: widgets,
      sourcefile: "widgets.ts",
      loader: "ts",
    },
    outdir: undefined,
    outfile: join(outdir, "widgets.js"),
    format: "cjs",
    // In brackets: who loads it calls it at once, and browsers then read it once.
    banner: { js: "export default (() => {\nconst module = { exports: {} };" },
    footer: { js: "return module.exports;\n});" },
  },
  { ...shared, entryPoints: [report, alive], format: "iife" },
];

/** RequireJS and ipywidgets' own HTML manager, its fonts inside: nothing is loaded from elsewhere. */
async function figures() {
  const modules = join(here, "node_modules");
  const dist = join(modules, "@jupyter-widgets", "html-manager", "dist");
  let manager = await readFile(join(dist, "libembed-amd.js"), "utf8");
  for (const [place, name, type] of manager.matchAll(/\w+\.p\+"([0-9a-f]+\.(\w+))"/g)) {
    // Every browser that runs a report takes the first of these formats.
    const font = type === "woff2" ? await readFile(join(dist, name), "base64") : "";
    manager = manager.replaceAll(place, JSON.stringify(`data:font/${type};base64,${font}`));
  }
  const require = await readFile(join(modules, "requirejs", "require.js"), "utf8");
  await writeFile(join(outdir, "figures.js"), `${require}\n;\n${manager}`);
}
/** Where Node finds a package that another one needs; null where it isn't installed. */
async function installed(name, from) {
  for (let folder = from; folder.startsWith(here); folder = dirname(folder)) {
    const place = join(folder, "node_modules", name);
    const about = await readFile(join(place, "package.json"), "utf8").catch(() => null);
    if (about !== null) return { place, about: JSON.parse(about) };
  }
  return null;
}

/** The licences of all that figures.js holds: the packages that its two are made of. */
async function licences() {
  const texts = new Map();
  const waiting = ["@jupyter-widgets/html-manager", "requirejs"].map((name) => [name, here]);
  while (waiting.length > 0) {
    const found = await installed(...waiting.pop());
    if (found === null) continue;
    const { name, version, license, licenses, author, homepage = "" } = found.about;
    const key = `${name} ${version}`;
    if (texts.has(key)) continue;
    const terms = license ?? licenses?.map(({ type }) => type).join(" AND ");
    const names = await readdir(found.place);
    const file = names.find((one) => /^(licen[cs]e|copying)/i.test(one));
    // Some packages name their licence and leave out its text.
    const text = file
      ? await readFile(join(found.place, file), "utf8")
      : `Copyright (c) ${author?.name ?? author}\n\n${await common(terms)}`;
    texts.set(key, `${key}: ${terms}\n${homepage}\n\n${text.trim()}\n`);
    const needs = Object.keys(found.about.dependencies ?? {});
    waiting.push(...needs.map((one) => [one, found.place]));
  }
  const head = "figures.js holds code and fonts of these packages.\n";
  const parts = [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  const line = `\n${"-".repeat(78)}\n\n`;
  await writeFile(join(outdir, "figures.licences.txt"), [head, ...parts].join(line));
}

/** The text of a licence that many packages have. */
function common(terms) {
  return readFile(join(here, "licences", `${terms}.txt`), "utf8");
}

// A clean checkout has no such folder yet, and only esbuild makes its own.
await mkdir(outdir, { recursive: true });
await figures();
await licences();

if (watch) {
  for (const options of builds) await (await esbuild.context(options)).watch();
} else {
  // esbuild has told what was wrong; where it was called from says nothing more.
  for (const options of builds) await esbuild.build(options).catch(() => process.exit(1));
  // A widget that was renamed or removed must not live on in the package.
  const names = [...single, "widgets", "report", "report_alive", "figures"];
  const built = new Set(names.map((name) => `${name}.js`));
  for (const name of await readdir(outdir)) {
    if (name.endsWith(".js") && !built.has(name)) await rm(join(outdir, name));
  }
}
