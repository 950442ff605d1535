// The module gives the bits that native gives. It is the same as the package's, with checks that
// the package leaves out.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  initSync,
  isa,
  sampleSnapshot,
  verifyIndex,
  verifyKernels,
  verifySnapshot,
} from "../../wasm/npm/checks/vicino.js";

const built = new URL("../../wasm/npm/checks/vicino_bg.wasm", import.meta.url);
initSync({ module: readFileSync(built) });

const golden = (name) =>
  readFileSync(new URL(`../golden/${name}.digest`, import.meta.url), "utf8").trim();

test("the module has simd128", () => assert.equal(isa(), "simd128"));

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
  test(`file ${i} is written here as it was natively, and tells the same`, () => {
    assert.ok(Buffer.from(sampleSnapshot("simd128", i)).equals(file));
    assert.equal(verifySnapshot("simd128", file), golden("snapshots").split("\n")[i]);
  });
});

test("a damaged file is refused, and the module works on", () => {
  for (let at = 0; at < files[0].length; at += 997) {
    const damaged = files[0].slice(0, at);
    assert.throws(() => verifySnapshot("simd128", damaged), { code: "corrupt" });
  }
  assert.equal(sampleSnapshot("simd128", 4), undefined);
  assert.throws(() => verifyKernels("avx2"), { code: "isa_unavailable" });
  assert.throws(() => verifyKernels("sse9"), { code: "unknown_isa" });
});
