import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { defineConfig } from "vitest/config";

const PREFIX = "\0css-text:";

export default defineConfig({
  plugins: [
    {
      // Style sheets are strings here too, as esbuild's text loader makes them.
      name: "css-as-text",
      enforce: "pre",
      resolveId(source, importer) {
        if (!source.endsWith(".css") || !importer) return null;
        // Not ending in .css, or Vite would process it.
        return `${PREFIX}${resolve(dirname(importer), source)}?text`;
      },
      async load(id) {
        if (!id.startsWith(PREFIX)) return null;
        const text = await readFile(id.slice(PREFIX.length, -"?text".length), "utf8");
        return `export default ${JSON.stringify(text)};`;
      },
    },
    {
      // There are no workers here.
      name: "no-worker",
      enforce: "pre",
      resolveId: (source) => (source.endsWith("?worker") ? "\0no-worker" : null),
      load: (id) => (id === "\0no-worker" ? 'export default "";' : null),
    },
  ],
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.ts"],
    restoreMocks: true,
    // How long a test may take at most, in ms: on a busy machine one may stand for a while.
    testTimeout: 60_000,
  },
});
