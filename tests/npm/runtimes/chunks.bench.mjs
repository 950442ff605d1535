// What a page notices of inserts on its own thread: `node chunks.bench.mjs [N DIMENSIONS]`.
import { writeFileSync } from "node:fs";
import { browser } from "./browsers.mjs";
import { serve } from "./bundlers.mjs";
import { install, project } from "./project.mjs";

const [, , count = "100000", dimensions = "128"] = process.argv;

/** In the page: each way to insert, and how long frames and timers are kept waiting meanwhile. */
async function page({ default: init, VectorStore }, count, dimensions) {
  await init();
  let state = 1;
  const value = () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) / 2 ** 31;
  const vectors = new Float32Array(count * dimensions).map(value);
  const ids = Array.from({ length: count }, (_, i) => `${i}`);
  const entries = function* () {
    for (const [i, id] of ids.entries()) {
      yield { id, vector: vectors.subarray(i * dimensions, (i + 1) * dimensions) };
    }
  };
  const ways = {
    "insertMany": (store) => store.insertMany({ ids, vectors }),
    "insertInChunks": (store) => store.insertInChunks(entries()),
    "insertInChunks, promotionSize: 256": (store) => store.insertInChunks(entries()),
  };
  const rows = [];
  for (const [name, insert] of Object.entries(ways)) {
    const promotionSize = Number(name.match(/\d+/)?.[0]) || undefined;
    const store = new VectorStore({ dimensions, promotionSize });
    const [frames, timers] = [watch(requestAnimationFrame), watch((next) => setTimeout(next, 10))];
    await new Promise((resolve) => setTimeout(resolve, 200));
    const start = performance.now();
    await insert(store);
    const seconds = (performance.now() - start) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 200));
    rows.push([name, seconds.toFixed(1), ...frames(), ...timers()]);
    store.dispose();
  }
  return rows;

  /** Milliseconds between calls of what is asked for again and again, once it is over. */
  function watch(ask) {
    let [gaps, last, over] = [[], performance.now(), false];
    ask(function next() {
      const now = performance.now();
      gaps.push(now - last);
      last = now;
      if (!over) ask(next);
    });
    return () => {
      over = true;
      gaps.sort((a, b) => a - b);
      return [0.5, 0.99, 1].map((share) => gaps[Math.ceil(gaps.length * share) - 1].toFixed(0));
    };
  }
}

await install([]);
const script = `import * as vicino from "/node_modules/vicino/web.js";
globalThis.rows = await (${page})(vicino, ${count}, ${dimensions});`;
writeFileSync(project.path("bench.html"), `<script type="module">${script}</script>`);
const chromium = browser("chrome", "chromium");
try {
  const open = (url) => chromium.open(`${url}/bench.html`, "globalThis.rows", 600_000);
  const rows = await serve(".", open);
  console.log(`${count} x ${dimensions}; milliseconds between frames, between timers of 10\n`);
  console.log("| | s | p50 | p99 | longest | p50 | p99 | longest |\n|---|---|---|---|---|---|---|---|");
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
} finally {
  await chromium.close();
  project.remove();
}
