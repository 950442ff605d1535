// The package in Node: the module gives the bits that native gives, and its errors are errors.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import init, { Rows, distance, isa } from "../../wasm/npm/node.js";
import {
  initSync,
  sampleSnapshot,
  verifyIndex,
  verifyKernels,
  verifySnapshot,
} from "./dist/vicino.js";

// The same module, with the checks that the package leaves out.
initSync({ module: readFileSync(new URL("./dist/vicino_bg.wasm", import.meta.url)) });

const golden = (name) =>
  readFileSync(new URL(`../golden/${name}.digest`, import.meta.url), "utf8").trim();

/** The canonical order: element i to sum i % 16 in single precision, then added by halves. */
function canonicalDot(a, b) {
  const sums = new Float32Array(16);
  for (let i = 0; i < a.length; i++) {
    sums[i % 16] += Math.fround(a[i] * b[i]);
  }
  for (let width = 8; width > 0; width >>= 1) {
    for (let i = 0; i < width; i++) sums[i] += sums[i + width];
  }
  return sums[0];
}

const vector = (length, step) =>
  Float32Array.from({ length }, (_, i) => ((i * step) % 199) / 100 - 0.9);

test("the module has simd128", () => assert.equal(isa(), "simd128"));

test("awaiting init where nothing is to be fetched is harmless", () => init());

for (const set of ["simd128", "scalar"]) {
  test(`the ${set} kernels give the digest that every machine gives`, () => {
    assert.equal(verifyKernels(set), golden("kernels"));
  });

  test(`graphs and answers on ${set} are those of every machine`, () => {
    assert.equal(verifyIndex(set), golden("index"));
  });
}

const files = ["cosine", "euclidean", "inner-product", "manhattan"].map((metric) =>
  new Uint8Array(readFileSync(new URL(`../golden/v1-${metric}.vcn`, import.meta.url))),
);

files.forEach((file, i) => {
  test(`file ${i + 1} is written here as it was natively, and tells the same`, () => {
    assert.ok(Buffer.from(sampleSnapshot("simd128", i + 1)).equals(file));
    assert.equal(verifySnapshot("simd128", file), golden("snapshots").split("\n")[i]);
  });
});

test("a damaged file is refused, and the module works on", () => {
  for (let at = 0; at < files[0].length; at += 997) {
    const damaged = files[0].slice(0, at);
    assert.throws(() => verifySnapshot("simd128", damaged), { code: "corrupt" });
  }
  assert.throws(() => sampleSnapshot("simd128", 5), { code: "invalid_argument" });
  assert.throws(() => verifySnapshot("simd128", "text"), { code: "invalid_argument" });
});

test("the inner product is what JavaScript adds up itself, to the bit", () => {
  for (const length of [1, 15, 16, 17, 100, 384, 1536]) {
    const query = vector(length, 17);
    const rows = [vector(length, 71), vector(length, 3), vector(length, 29)];
    const values = new Float32Array(3 * length);
    rows.forEach((row, i) => values.set(row, i * length));
    const expected = rows.map((row) => canonicalDot(query, row));
    assert.deepEqual([...new Rows(length, values).dot(query)], expected);
  }
});

test("the metrics are those of their formulas", () => {
  const a = new Float32Array([0, 3]);
  const b = new Float32Array([4, 0]);
  assert.equal(distance("euclidean", a, b), 5);
  assert.equal(distance("manhattan", a, b), 7);
  assert.equal(distance("inner_product", a, a), -9);
  assert.equal(distance("cosine", a, b), 1);
});

test("what is refused is an Error with a code, and the module works on", () => {
  const refused = (call, code) =>
    assert.throws(call, (error) => error instanceof Error && error.code === code);
  const one = new Float32Array([1]);
  refused(() => distance("euclidean", one, new Float32Array([1, 2])), "dimension_mismatch");
  refused(() => distance("euclidean", one, new Float32Array([NaN])), "not_finite");
  refused(() => distance("cosine", one, new Float32Array([0])), "zero_norm");
  refused(() => distance("euclid", one, one), "unknown_metric");
  refused(() => new Rows(2, one), "dimension_mismatch");
  refused(() => new Rows(1, one).dot(new Float32Array(2)), "dimension_mismatch");
  refused(() => verifyKernels("avx2"), "isa_unavailable");
  refused(() => verifyKernels("sse9"), "unknown_isa");
  for (const wrong of [undefined, null, 5, {}, [1], "1", { length: 1e9 }, Symbol("1"), 1n]) {
    refused(() => distance("euclidean", wrong, one), "invalid_argument");
    refused(() => distance("euclidean", one, wrong), "invalid_argument");
    refused(() => new Rows(1, wrong), "invalid_argument");
    refused(() => new Rows(1, one).dot(wrong), "invalid_argument");
  }
  for (const wrong of [undefined, null, 5, {}, ["cosine"], Symbol("cosine")]) {
    refused(() => distance(wrong, one, one), "invalid_argument");
    refused(() => verifyKernels(wrong), "invalid_argument");
    refused(() => verifyIndex(wrong), "invalid_argument");
  }
  for (const wrong of [undefined, null, 0, -1, 1.5, NaN, Infinity, 2 ** 32 + 1, "1", {}, 1n]) {
    refused(() => new Rows(wrong, one), "invalid_argument");
  }
  assert.equal(distance("euclidean", one, one), 0);
});
