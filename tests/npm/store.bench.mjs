// What a store does in this runtime: `node tests/npm/store.bench.mjs [A|B|FILE DIMENSIONS [N]]`.
import { VectorStore } from "../../wasm/npm/node.js";
import { dataOf } from "./data.mjs";
import { measure, opens } from "./measured.mjs";

const [, , name = "A", dimensions = "384", count = "10000"] = process.argv;
const data = dataOf(name, Number(dimensions), Number(count));
const { inserts, bytes, table } = await measure(opens(VectorStore), data);
console.log(`${name}: ${inserts.toFixed()} inserts/s, ${bytes.toFixed()} bytes a vector`);
console.log("| ef | recall | QPS | p50 ms | p99 ms |\n|---|---|---|---|---|");
for (const { ef, recall, qps, p50, p99 } of table) {
  const times = `${p50.toFixed(3)} | ${p99.toFixed(3)}`;
  console.log(`| ${ef} | ${recall.toFixed(4)} | ${qps.toFixed()} | ${times} |`);
}
