// The package beside other libraries, each alone and by turns, in Node and in Chromium:
// `node peers.bench.mjs [A|B|FILE DIMENSIONS [N]]`. The vectors are those of `store.bench.mjs`.
import { copyFileSync, writeFileSync } from "node:fs";
import { dataOf } from "../data.mjs";
import { at } from "../measured.mjs";
import { browser } from "./browsers.mjs";
import { serve } from "./bundlers.mjs";
import { install, project, said } from "./project.mjs";

const PEERS = ["hnswlib-node@3.0.0", "hnswlib-wasm@0.8.2", "edgevec@0.9.0"];
const ROUNDS = 3;
const PATIENCE = 900_000;
// Each asks for an index of its own, which takes so long that it comes once, and last.
const efs = { edgevec: [16, 32, 64, 128] };

const [, , name = "A", dimensions = "384", count = "10000"] = process.argv;
const { rows, queries, ...about } = dataOf(name, Number(dimensions), Number(count));
await install([], PEERS);
copyFileSync(new URL("../measured.mjs", import.meta.url), project.path("measured.mjs"));
const modules = { vicino: "vicino/web.js", "hnswlib-wasm": "hnswlib-wasm/dist/hnswlib.js" };
const imports = Object.fromEntries(
  Object.entries(modules).map(([name, path]) => [name, `/node_modules/${path}`]));
const files = {
  "rows.f32": rows,
  "queries.f32": queries,
  "about.json": JSON.stringify({ ...about, efs }),
  "measure.mjs": `import { run } from "./measured.mjs";
console.log(JSON.stringify(await run(...process.argv.slice(2))));`,
  "measure.html": `<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">import { run } from "./measured.mjs";
globalThis.found = await run(location.search.slice(1), location.origin);</script>`,
};
for (const [name, content] of Object.entries(files)) writeFileSync(project.path(name), content);

const chromium = browser("chrome", "chromium");
const places = {
  Node: (library, url) => said(process.execPath, ["measure.mjs", library, url], PATIENCE),
  Chromium: (library, url) =>
    chromium.open(`${url}/measure.html?${library}`, "globalThis.found", PATIENCE),
};
const contest = [
  ["vicino", "Node", ROUNDS],
  ["hnswlib-node", "Node", ROUNDS],
  ["vicino", "Chromium", ROUNDS],
  ["hnswlib-wasm", "Chromium", ROUNDS],
  ["edgevec", "Node", 1],
];
const row = ({ ef, recall, qps }) => `${ef}: ${qps.toFixed()} (${recall.toFixed(4)})`;
try {
  console.log(`${name}: ${count} x ${dimensions}; QPS at an ef (recall)\n`);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [library, place] of contest.filter(([, , rounds]) => ROUNDS - round <= rounds)) {
      const { inserts, table } = await serve(".", (url) => places[place](library, url));
      const [qps, speed] = [at(0.99, table).toFixed(), inserts.toFixed()];
      const rows = table.map(row).join(", ");
      console.log(`${library}, ${place}: ${speed} inserts/s, ${qps} QPS at 0.99; ${rows}`);
    }
  }
} finally {
  await chromium.close();
  project.remove();
}
