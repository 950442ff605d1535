// The vectors that measurements are made with, and the answers to look for.
import { readFileSync } from "node:fs";
import { K } from "./measured.mjs";

/**
 * Rows and queries of length 1, and the nearest of each query by a scan. "A" and "B" are clusters
 * of made vectors, the harder B with fewer of them, more directions and more noise; any other name
 * is a file with rows of little-endian f32, of which the last 200 ask.
 */
export function dataOf(name, dimensions, count) {
  const made = /^[AB]$/.test(name);
  const data = made ? clusters(name === "B", dimensions, count) : read(name, dimensions, count);
  return { ...data, dimensions, truth: nearest(data, dimensions) };
}

function read(file, dimensions, count) {
  const bytes = readFileSync(file);
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const [rows, queries] = [all.slice(0, count * dimensions), all.slice(-ASKED * dimensions)];
  for (const vectors of [rows, queries]) {
    for (let i = 0; i < vectors.length; i += dimensions) normalize(vectors, i, dimensions);
  }
  return { rows, queries };
}

const ASKED = 200;

function normalize(vectors, start, dimensions) {
  const vector = vectors.subarray(start, start + dimensions);
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  for (let d = 0; d < dimensions; d++) vector[d] /= norm;
}

function nearest({ rows, queries }, dimensions) {
  return Array.from({ length: queries.length / dimensions }, (_, i) => {
    const scores = new Float64Array(rows.length / dimensions);
    for (let row = 0; row < scores.length; row++) {
      let sum = 0;
      for (let d = 0; d < dimensions; d++) {
        sum += queries[i * dimensions + d] * rows[row * dimensions + d];
      }
      scores[row] = sum;
    }
    return [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, K);
  });
}

/** Clusters of unlike sizes, with directions of their own. */
function clusters(hard, D, N) {
  const [count, latent, noise] = hard ? [20, 64, 0.5] : [150, 16, 0.1];
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
  for (let c = 0; c < count; c++) {
    centers.push({ center: normals(D, 1), basis: normals(latent * D, 1) });
  }
  const weights = Array.from({ length: count }, (_, i) => 1 / (i + 5));
  const sum = weights.reduce((a, b) => a + b);
  const fill = (length) => {
    const vectors = new Float32Array(length * D);
    for (let i = 0; i < length; i++) {
      let [c, left] = [0, uniform() * sum];
      while (c < count - 1 && (left -= weights[c]) > 0) c++;
      const along = normals(latent, 0.6 / Math.sqrt(latent));
      const vector = vectors.subarray(i * D, i * D + D);
      for (let d = 0; d < D; d++) {
        let value = centers[c].center[d] + noise * normal();
        for (let l = 0; l < latent; l++) value += along[l] * centers[c].basis[l * D + d];
        vector[d] = value;
      }
      normalize(vectors, i * D, D);
    }
    return vectors;
  };
  return { rows: fill(N), queries: fill(ASKED) };
}
