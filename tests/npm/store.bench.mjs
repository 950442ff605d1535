// What a store does in this runtime: `node tests/npm/store.bench.mjs [A|B|FILE DIMENSIONS [N]]`.
//
// A and B are 10,000 unit vectors of 384 dimensions around a few hundred directions, the harder B
// with more of them and more noise; FILE has rows of little-endian f32, of which the last 1,000 ask.
import { readFileSync } from "node:fs";
import { VectorStore } from "../../wasm/npm/node.js";

const [, , name = "A", dimensions = "384", count = "10000"] = process.argv;
const [D, N, K] = [Number(dimensions), Number(count), 10];
const { rows, queries } = /^[AB]$/.test(name) ? made(name === "B") : read(name);
const query = (i) => queries.subarray(i * D, i * D + D);
const Q = queries.length / D;

const store = new VectorStore({ dimensions: D });
const ids = Array.from({ length: N }, (_, i) => String(i));
let start = performance.now();
store.insertMany({ ids, vectors: rows });
const seconds = (performance.now() - start) / 1000;
const bytes = Object.values(store.stats().memory).reduce((a, b) => a + b) / N;
console.log(`${name}: ${Math.round(N / seconds)} inserts/s, ${Math.round(bytes)} bytes a vector`);

const truth = Array.from({ length: Q }, (_, i) =>
  store.search({ vector: query(i), k: K, exact: true }).map(({ id }) => id));
console.log("| ef | recall | QPS | p50 ms | p99 ms |\n|---|---|---|---|---|");
for (const ef of [10, 16, 24, 32, 48, 64, 96, 128, 200, 300]) {
  let hits = 0;
  for (let i = 0; i < Q; i++) {
    const found = new Set(store.search({ vector: query(i), k: K, ef }).map(({ id }) => id));
    hits += truth[i].filter((id) => found.has(id)).length;
  }
  const times = [];
  start = performance.now();
  for (let i = 0; performance.now() - start < 2000; i++) {
    const before = performance.now();
    store.search({ vector: query(i % Q), k: K, ef });
    times.push(performance.now() - before);
  }
  const qps = Math.round(times.length / (performance.now() - start) * 1000);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(times.length * share)].toFixed(3);
  console.log(`| ${ef} | ${(hits / Q / K).toFixed(4)} | ${qps} | ${at(0.5)} | ${at(0.99)} |`);
}

function read(file) {
  const bytes = readFileSync(file);
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  return { rows: all.slice(0, N * D), queries: all.slice(-1000 * D) };
}

/** Clusters of unlike sizes, with directions of their own. */
function made(hard) {
  const [clusters, latent, noise] = hard ? [20, 64, 0.5] : [150, 16, 0.1];
  let state = 0x9e3779b9;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () =>
    Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
  const normals = (length, scale) => Float32Array.from({ length }, () => normal() * scale);
  const centers = [];
  for (let c = 0; c < clusters; c++) {
    centers.push({ center: normals(D, 1), basis: normals(latent * D, 1) });
  }
  const weights = Array.from({ length: clusters }, (_, i) => 1 / (i + 5));
  const sum = weights.reduce((a, b) => a + b);
  const fill = (count) => {
    const vectors = new Float32Array(count * D);
    for (let i = 0; i < count; i++) {
      let [c, left] = [0, uniform() * sum];
      while (c < clusters - 1 && (left -= weights[c]) > 0) c++;
      const along = normals(latent, 0.6 / Math.sqrt(latent));
      const vector = vectors.subarray(i * D, i * D + D);
      for (let d = 0; d < D; d++) {
        let value = centers[c].center[d] + noise * normal();
        for (let l = 0; l < latent; l++) value += along[l] * centers[c].basis[l * D + d];
        vector[d] = value;
      }
      const norm = Math.hypot(...vector);
      for (let d = 0; d < D; d++) vector[d] /= norm;
    }
    return vectors;
  };
  return { rows: fill(N), queries: fill(200) };
}
