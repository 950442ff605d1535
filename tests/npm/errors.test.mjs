// Errors: each code with the fields that it has, in Rust, in the types, and where it is thrown.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DimensionRouter, VectorStore, distance, truncate } from "../../wasm/npm/node.js";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");

/** Codes of core that no call of the package gives. */
const ABSENT = [
  "code_out_of_range", "isa_unavailable", "kernel_mismatch", "output_mismatch", "scope_exists",
  "unknown_isa", "unknown_metric", "unknown_slot", "unreadable", "write_conflict",
];

/** The codes of the package's own, and the fields that JavaScript adds. */
const OWN = {
  broken: [],
  disposed: [],
  invalid_argument: ["argument", "cause", "expected"],
  not_initialized: [],
  simd_unavailable: [],
  unknown_option: ["argument", "option"],
};

/** Any error of one of several has its position; what core has of that name is then its index. */
const PLACES = ["position", "index"];
const placed = (field) => (field === "position" ? "index" : field);

/** The fields of each code, as the source of core has them. */
function inRust() {
  const variants = read("../../core/src/error/mod.rs").split("pub enum Error {")[1];
  const codes = new Map(Object.entries(OWN));
  const code = /Self::(\w+)(?: \{ \.\. \})? => "(\w+)"/g;
  for (const [, variant, word] of read("../../core/src/error/code.rs").matchAll(code)) {
    const body = variants.match(new RegExp(`^    ${variant}(?:,| \\{\\n(.*?)^    \\},)$`, "ms"));
    const fields = [...(body[1] ?? "").matchAll(/^        (\w+): /gm)].map(([, field]) => field);
    if (!ABSENT.includes(word)) codes.set(word, fields.map(placed).sort());
  }
  return codes;
}

/** The fields of each code, as the comments of the types tell, and the types of the fields. */
function inTypes() {
  const [, body] = read("../../wasm/npm/index.d.ts").split("export class VicinoError ");
  const [codes, types] = [new Map([...inRust().keys()].map((code) => [code, []])), new Map()];
  const member = /\/\*\*((?:(?!\*\/).)*)\*\/\n  readonly (\w+)\??: ([^;]+);/gs;
  for (const [, comment, field, type] of body.matchAll(member)) {
    types.set(field, type.split(" | "));
    if (["name", "code", "position"].includes(field)) continue;
    const named = [...comment.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code);
    assert.ok(named.length > 0, `${field} is of no code`);
    for (const code of named) {
      assert.ok(codes.has(code), `${field} is said to be of ${code}`);
      codes.get(code).push(field);
    }
  }
  codes.forEach((fields) => fields.sort());
  return { codes, types };
}

test("the types say which codes have a field", () => {
  assert.deepEqual(Object.fromEntries(inTypes().codes), Object.fromEntries(inRust()));
});

const store = new VectorStore({ dimensions: 2, memoryLimit: 100_000 });
const halved = { dimensions: 2, metric: "euclidean", exact: "f16" };
const halves = new VectorStore(halved);
const vector = [1, 2];
store.insert({ id: "a", vector });
store.setScopeLimits("user:full", { vectors: 0 });
const graph = new VectorStore({ dimensions: 2, promotionSize: 1 });
graph.insert([{ vector }, { vector }]);
const router = new DimensionRouter();
router.registerModel("m", 3);
router.registerModel("n", 3);
const disposed = new VectorStore({ dimensions: 2 });
disposed.dispose();
const deep = JSON.parse('{"a":'.repeat(40) + "1" + "}".repeat(40));
const later = store.snapshot();
later[8] = 99;
const cause = new Error("mine");
const global = "global";
const ada = "text-embedding-ada-002";
const thrown = { get vector() { throw cause; } };

/**
 * What each code comes with, but for numbers that may change; of several entries the second is at
 * fault.
 */
const cases = [
  ["ambiguous_model", () => router.autoDetectStore([1, 2, 3]),
    { dimensions: 3, models: ["m (3)", "n (3)"] }],
  ["cannot_truncate", () => truncate(ada, new Float32Array(1536).fill(1), 5), { model: ada }],
  ["conflicting_config", () => new VectorStore({ ...halved, quantization: "none" }),
    { first: "quantization: none", second: "exact: f16 or none" }],
  ["corrupt", () => VectorStore.open(new Uint8Array(80)),
    { section: "header", reason: "is not that of a snapshot" }],
  ["dimension_mismatch", () => distance("cosine", vector, [1]), { expected: 2, found: 1 }],
  ["dimension_mismatch", () => store.insert([{ vector }, { vector: [1] }]),
    { expected: 2, found: 1, position: 1 }],
  ["disposed", () => disposed.count(), {}],
  ["duplicate_id", () => store.insert([{ vector }, { id: "a", vector }]),
    { scope: global, id: "a", position: 1 }],
  ["invalid_argument", () => store.get(5), { argument: "key", expected: "an object" }],
  ["invalid_argument", () => store.insert([{ vector }, thrown]), { argument: "entries[1]", cause }],
  ["invalid_config", () => new VectorStore({ dimensions: 0 }),
    { field: "dimensions", min: 1, max: 65536, found: 0 }],
  ["invalid_filter", () => store.count({ filter: { $and: [] } }),
    { at: "/$and", reason: "is empty: name at least one" }],
  ["invalid_name", () => store.scope("user:"), { what: "scope", max: 512, found: 0 }],
  ["invalid_name", () => store.delete(["a", { id: "a", scope: "user:" }]),
    { what: "scope", max: 512, found: 0, position: 1 }],
  ["invalid_number", () => store.insert([{ vector }, { vector, metadata: { a: NaN } }]),
    { found: NaN, position: 1 }],
  ["invalid_number", () => store.insert([{ vector }, { vector, metadata: { a: [1, 2, NaN] } }]),
    { found: NaN, position: 1 }],
  ["invalid_number", () => store.updateMetadata("a", { a: [1, 2, NaN] }), { found: NaN }],
  ["invalid_query", () => store.search({ vector, k: 1e6 }),
    { field: "k", reason: "with offset is at most 65536, found 1000000" }],
  ["invalid_recall", () => store.tune(2), { found: 2 }],
  ["invalid_time", () => store.insert([{ vector }, { vector, ttlMs: -1 }]),
    { found: -1, position: 1 }],
  ["memory_limit", () => store.insert({ vector, content: "x".repeat(200_000) }), undefined],
  ["model_dimensions", () => router.registerModel(ada, 7),
    { model: ada, sizes: "1536", found: 7 }],
  ["model_registered", () => router.registerModel("m", 3), { model: "m", dimensions: 3 }],
  ["no_model", () => router.autoDetectStore([1]),
    { dimensions: 1, registered: ["m (3)", "n (3)"] }],
  ["norm_too_large", () => store.search({ vector: [3e38, 3e38] }), undefined],
  ["not_finite", () => store.search({ vector: [1, NaN] }), { position: 1 }],
  ["not_finite", () => store.searchMany({ vectors: Float32Array.of(1, 1, NaN, 1) }),
    { position: 1, index: 0 }],
  ["not_tuned", () => graph.search({ vector, recall: 0.9 }),
    { scope: global, recall: 0.9, k: 10 }],
  ["out_of_memory", () => store.searchMany({ vectors: new Float32Array(4000).fill(1), k: 65536 }),
    { bytes: 2 ** 32 - 1 }],
  ["scope_limit", () => store.insert({ vector, scope: "user:full" }),
    { scope: "user:full", what: "vectors", max: 0, needed: 1 }],
  ["scope_mismatch", () => store.scope("user:a").insert([{ vector }, { vector, scope: global }]),
    { expected: "user:a", found: global, position: 1 }],
  ["too_deep", () => store.insertMany({
    ids: ["x", "y"], vectors: Float32Array.of(1, 1, 1, 1), metadata: [{}, deep],
  }), { max: 32, position: 1 }],
  ["too_large", () => store.updateMetadata("a", { a: "x".repeat(2 ** 20) }),
    { what: "bytes of metadata", max: 2 ** 20, found: 2 ** 20 + 8 }],
  ["too_many_dimensions", () => distance("cosine", new Float32Array(70_000), vector),
    { max: 65536, found: 70_000 }],
  ["unknown_format", () => VectorStore.open(later), { max: 1, found: 99 }],
  ["unknown_id", () => store.search({ id: "b" }), { scope: global, id: "b" }],
  ["unknown_model", () => router.getStore("o"), { model: "o" }],
  ["unknown_option", () => store.insert([{ vector }, { vektor: vector }]),
    { argument: "entries[1]", option: "vektor" }],
  ["unknown_scope_kind", () => store.search({ vector, scopes: [global, "tenent:x"] }),
    { kind: "tenent", position: 1 }],
  ["value_too_large", () => halves.insert([{ vector }, { vector: [1, 1e6] }]),
    { max: 65504, position: 1, index: 1 }],
  ["zero_norm", () => store.insert([{ vector }, { vector: [0, 0] }]), { position: 1 }],
];

test("an error has the fields of its code, and no others", () => {
  const not = (...those) => (field) => !those.includes(field);
  const [there, { types }] = [inRust(), inTypes()];
  for (const [code, call, expected] of cases) {
    let error;
    assert.throws(call, (it) => ((error = it), it.code === code), code);
    const { code: _, ...fields } = error;
    if ("cause" in error) fields.cause = error.cause;
    if (expected) assert.deepEqual(fields, expected, code);
    for (const [field, value] of Object.entries(fields)) {
      const type = Array.isArray(value) ? "string[]" : typeof value;
      const declared = field === "scope" ? "string" : types.get(field);
      assert.ok(field === "cause" || declared.includes(type), `${field} of ${code} is ${type}`);
    }
    const names = Object.keys(fields).filter(not(...PLACES)).sort();
    // What read the argument threw, or it is not what was expected.
    const absent = code === "invalid_argument" && ("cause" in error ? "expected" : "cause");
    assert.deepEqual(names, there.get(code).filter(not(absent, "index")), code);
  }
  const elsewhere = ["broken", "not_initialized", "simd_unavailable", "too_many_entries"];
  const tried = new Set([...cases.map(([code]) => code), ...elsewhere]);
  assert.deepEqual([...tried].sort(), [...there.keys()].sort());
});

test("what a browser is told before `init`, and where it has no 128-bit vectors", () => {
  const web = JSON.stringify(new URL("../../wasm/npm/web.js", import.meta.url));
  const script = `import init, * as vicino from ${web};
    const { DimensionRouter, VectorStore, distance, models, truncate } = vicino;
    const calls = [
      () => new VectorStore({ dimensions: 2 }), () => VectorStore.open(new Uint8Array()),
      () => VectorStore.openStream(new ReadableStream()), () => VectorStore.predictMemory({}),
      () => new DimensionRouter(), () => distance("cosine", [1], [1]), models, truncate,
    ];
    WebAssembly.validate = () => false;
    for (const call of [...calls, init]) {
      const error = await (async () => call())().catch((error) => error);
      console.log(error.name, error.code, Object.keys(error));
    }`;
  const args = ["--input-type=module", "--eval", script];
  const told = execFileSync(process.execPath, args, { encoding: "utf8" }).trim().split("\n");
  const before = Array(8).fill("VicinoError not_initialized [ 'code' ]");
  assert.deepEqual(told, [...before, "VicinoError simd_unavailable [ 'code' ]"]);
});
