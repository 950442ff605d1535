// Nanoseconds of one inner product in the module, beside a loop in JavaScript: `tests/run bench`.
import { Rows } from "../../wasm/npm/node.js";

const BYTES = 256 << 10; // within the second level of a core's cache

function median(times) {
  return times.sort((a, b) => a - b)[times.length >> 1];
}

function loop(query, values) {
  const products = new Float32Array(values.length / query.length);
  for (let row = 0; row < products.length; row++) {
    let sum = 0;
    for (let i = 0; i < query.length; i++) sum += query[i] * values[row * query.length + i];
    products[row] = sum;
  }
  return products;
}

console.log("| dot of f32, in cache, ns | simd128 | JavaScript |\n|---|---|---|");
for (const dimensions of [128, 384, 768, 1536]) {
  const count = Math.floor(BYTES / 4 / dimensions);
  const values = Float32Array.from({ length: count * dimensions }, Math.random);
  const query = values.slice(0, dimensions);
  const rows = new Rows(dimensions, values);
  const contestants = [() => rows.dot(query), () => loop(query, values)];
  const times = contestants.map(() => []);
  for (let round = 0; round < 41; round++) {
    contestants.forEach((contestant, i) => {
      const start = performance.now();
      for (let scan = 0; scan < 50; scan++) contestant();
      times[i].push(((performance.now() - start) * 1e6) / (50 * count));
    });
  }
  const figures = times.map((each) => median(each).toFixed(1));
  console.log(`| ${dimensions} | ${figures.join(" | ")} |`);
}
