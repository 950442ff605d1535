// Stores in JavaScript: what the classes of the package add to core, which has its own tests.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import init, * as vicino from "../../wasm/npm/node.js";
import { conformance } from "./conformance.mjs";

const { DimensionRouter, VectorStore, VicinoError } = vicino;
const golden = (name) => readFileSync(new URL(`../golden/${name}`, import.meta.url));

/** Vectors one after the other, and names for them. */
function batch(count, dimensions, scope) {
  const value = (_, i) => Math.sin(i * i + 1);
  return {
    ids: Array.from({ length: count }, (_, i) => `e${i}`),
    vectors: Float32Array.from({ length: count * dimensions }, value),
    ...(scope && { scope }),
  };
}

test("awaiting init where nothing is to be fetched is harmless", () => init());

test("calls give what they give natively", () => {
  assert.equal(conformance(vicino, JSON.parse(golden("conformance.json"))), 464);
});

test("an entry comes back as it was given, with the times of its writes", () => {
  const store = new VectorStore({ dimensions: 2 });
  const entry = {
    id: "a", vector: new Float32Array([3, 4]), scope: "user:ada", content: "text",
    metadata: { list: [1, "two", null, { three: 3.5 }], big: 2 ** 60, zero: -0, empty: {} },
    eventTime: 5, expiresAt: 8e12,
  };
  const [key] = store.insert(entry);
  assert.deepEqual(key, { scope: "user:ada", id: "a" });
  const { createdAt, updatedAt, ...found } = store.get(key);
  assert.ok(Math.abs(createdAt - Date.now()) < 10_000 && createdAt === updatedAt);
  entry.metadata.zero = 0;
  assert.deepEqual(found, entry);
  assert.equal(store.get("a"), undefined, "a bare id is of the global scope");
  store.patchMetadata(key, { big: null, more: true });
  assert.deepEqual(Object.keys(store.get(key).metadata), ["empty", "list", "more", "zero"]);
  store.updateMetadata(key, { only: "this" });
  assert.deepEqual(store.get(found).metadata, { only: "this" });
});

test("entries without an id are given one, in the order of time", async () => {
  const store = new VectorStore({ dimensions: 1 });
  const [first] = store.insert({ vector: [1] });
  await new Promise((resolve) => setTimeout(resolve, 2));
  const [second] = store.insert({ vector: [1] });
  assert.match(first.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(first.id < second.id);
});

test("a handle names its scope and no other", () => {
  const store = new VectorStore({ dimensions: 2 });
  const acme = store.scope("tenant:acme");
  acme.insert([{ id: "a", vector: [1, 0] }, { id: "b", vector: [0, 1], scope: "tenant:acme" }]);
  store.insert({ id: "a", vector: [1, 1] });
  assert.equal(acme.name, "tenant:acme");
  assert.deepEqual(acme.search({ vector: [1, 0] }).map(({ id }) => id), ["a", "b"]);
  assert.equal(acme.count(), 2);
  const mismatch = { code: "scope_mismatch", expected: "tenant:acme", found: "global" };
  assert.throws(() => acme.insert({ id: "c", vector: [1, 1], scope: "global" }), mismatch);
  assert.throws(() => acme.search({ vector: [1, 0], scope: "global" }), mismatch);
  assert.throws(() => acme.search({ vector: [1, 0], scopes: ["tenant:acme", "global"] }), mismatch);
  assert.throws(() => acme.delete({ id: "a", scope: "global" }), mismatch);
  assert.throws(() => acme.list({ scope: "global" }), mismatch);
  assert.throws(() => acme.snapshot({ scopes: ["global"] }), mismatch);
  assert.equal(VectorStore.open(acme.snapshot()).count(), 0, "nothing of the global scope");
  assert.equal(acme.deleteScope(), 2);
  assert.equal(acme.stats().vectorCount, 0);
  assert.equal(store.count(), 1);
  assert.throws(() => new vicino.ScopedStore({}, "global"), TypeError);
});

test("flat calls give what single ones give", () => {
  const [one, flat] = [0, 1].map(() => new VectorStore({ dimensions: 8, promotionSize: 100 }));
  const { ids, vectors, scope } = batch(300, 8, "agent:x");
  const vector = (i) => vectors.subarray(8 * i, 8 * i + 8);
  const metadata = ids.map((_, i) => ({ i }));
  one.insert(ids.map((id, i) => ({ id, vector: vector(i), scope, metadata: metadata[i] })));
  assert.equal(flat.insertMany({ ids, vectors, scope, metadata }), 300);
  const queries = vectors.slice(0, 80);
  const filter = { i: { $lt: 3 } };
  for (const options of [{ k: 5, scope }, { k: 5, scope, filter }, { k: 2, offset: 1, scope }]) {
    const found = flat.searchMany({ vectors: queries, ...options });
    for (let i = 0; i < 10; i++) {
      const expected = one.search({ vector: vector(i), ...options });
      const at = i * options.k;
      const end = at + found.counts[i];
      assert.deepEqual(found.ids.slice(at, end), expected.map((it) => it.id));
      assert.deepEqual([...found.scores.slice(at, end)], expected.map((it) => it.score));
      assert.deepEqual([...found.distances.slice(at, end)], expected.map((it) => it.distance));
      assert.ok(found.ids.slice(end, at + options.k).every((id) => id === ""));
    }
  }
  assert.equal(flat.upsertMany({ ids, vectors, scope }), 300);
  assert.deepEqual(flat.get({ id: "e7", scope }).metadata, {});
  assert.throws(() => flat.insertMany({ ids: ["x"], vectors }), { argument: "batch.vectors" });
  assert.throws(() => flat.insertMany({ ids: ["\ud83d\ude00", 5], vectors: new Float32Array(16) }), {
    argument: "batch.ids[1]",
  });
  assert.equal(flat.count(), 0, "nothing of a call that was refused");
});

test("chunks are inserted with pauses, until somebody has enough of it", async (t) => {
  const store = new VectorStore({ dimensions: 1, metric: "euclidean" });
  const entries = (count) => Array.from({ length: count }, (_, i) => ({ id: `${i}`, vector: [i] }));
  const told = [];
  let paused = 0;
  const ticking = setInterval(() => paused++);
  t.after(() => clearInterval(ticking));
  const onProgress = (done, total) => told.push([done, total]);
  assert.equal(await store.insertInChunks(entries(2500), { onProgress }), 2500);
  assert.ok(told.every(([done], i) => done > (told[i - 1]?.[0] ?? 0)), "each entry once");
  assert.ok(told.length > 2 && told.every(([, total]) => total === 2500), `${told}`);
  assert.equal(told.at(-1)[0], 2500);
  assert.ok(paused > 0, "others had their turn");

  const controller = new AbortController();
  const generated = async function* () {
    yield* entries(5000);
  };
  const stop = (done) => done >= 2048 && controller.abort(new Error("enough"));
  const options = { upsert: true, onProgress: stop, signal: controller.signal };
  await assert.rejects(store.insertInChunks(generated(), options), { message: "enough" });

  const faults = [
    [[1, 2], { code: "dimension_mismatch", position: 1500, message: /^number 1500 / }],
    ["1", { code: "invalid_argument", argument: "entries[1500].vector", message: /1500/ }],
  ];
  for (const [i, [vector, fault]] of faults.entries()) {
    const scope = `user:${i}`;
    const faulty = [...entries(1500).map((it) => ({ ...it, scope })), { vector }];
    await assert.rejects(store.insertInChunks(faulty), fault);
    assert.equal(store.count({ scope }), 1472, "whole chunks stay");
  }
  await assert.rejects(store.insertInChunks([], { sigal: 1 }), { code: "unknown_option" });
});

test("what is undefined where it would mean everybody is refused", () => {
  const store = new VectorStore({ dimensions: 1 });
  const user = {};
  store.insert({ id: "a", vector: [1], metadata: { tenant: "x", nothing: undefined } });
  assert.deepEqual(store.get("a").metadata, { tenant: "x" });
  const refused = (call, argument) => assert.throws(call, { code: "invalid_argument", argument });
  refused(() => store.deleteWhere({ tenant: user.tenant }), "filter.tenant");
  refused(() => store.search({ vector: [1], filter: { a: undefined } }), "query.filter.a");
  refused(() => store.search({ vector: [1], scope: user.scope }), "query.scope");
  refused(() => store.insert({ vector: [1], scope: user.scope }), "entries.scope");
  refused(() => store.deleteWhere({}, { scope: user.scope }), "options.scope");
  refused(() => store.scope(user.scope), "scope");
  assert.equal(store.count({ filter: undefined }), 1);
});

test("pages, counts and statistics tell of the same entries", () => {
  const store = new VectorStore({ dimensions: 4 });
  store.insertMany(batch(250, 4));
  const ids = [];
  for (let after, more = true; more; ) {
    const page = store.list({ after, limit: 40 });
    ids.push(...page.entries.map(({ id }) => id));
    [after, more] = [page.next, page.next !== undefined];
  }
  assert.deepEqual(ids, batch(250, 4).ids.sort());
  assert.equal(store.deleteWhere({ $has_id: ["e1", "e2"] }), 2);
  assert.equal(store.stats().vectorCount, store.count());
  assert.deepEqual(store.statsForScope("global").vectorCount, 248);
  assert.equal(store.measureRecall(), 1);
  assert.equal(store.tune(0.9, { k: 5 }), 5);
  assert.equal(store.search({ vector: [1, 2, 3, 4], k: 5, recall: 0.9 }).length, 5);
  assert.equal(store.maintain().finished, true);
  const { explain, results } = store.explain({ vector: [1, 2, 3, 4] });
  assert.equal(results.length, 10);
  assert.deepEqual(explain.scopes[0].plan, { began: "scan", ended: "scan" });
});

test("a snapshot is a file of any Vicino, as bytes and as a stream", async () => {
  const file = VectorStore.open(golden("v1-cosine.vcn"), { verify: "full" });
  assert.ok(file.stats().vectorCount > 0);
  const store = new VectorStore({ dimensions: 64, promotionSize: 1000 });
  store.insertMany(batch(3000, 64));
  const bytes = store.snapshot();
  const stream = store.snapshotStream();
  store.delete("e0");
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.ok(Buffer.concat(chunks).equals(bytes), "the store of the moment that it was asked in");
  const parts = (size) => new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) {
        controller.enqueue(bytes.subarray(at, at + size));
      }
      controller.close();
    },
  });
  const query = { vector: batch(1, 64).vectors };
  for (const options of [undefined, { byteLength: bytes.length, verify: "full" }]) {
    const again = await VectorStore.openStream(parts(10_007), options);
    assert.deepEqual(again.search(query), VectorStore.open(bytes).search(query));
    again.insert({ id: "new", vector: query.vector });
  }
  for (const byteLength of [bytes.length - 1, bytes.length + 1]) {
    await assert.rejects(VectorStore.openStream(parts(5000), { byteLength }), { code: "corrupt" });
  }
  await assert.rejects(VectorStore.openStream({}), { code: "invalid_argument" });
  assert.throws(() => VectorStore.open(bytes.subarray(1)), { code: "corrupt" });
  assert.throws(() => VectorStore.open(bytes, { memoryLimit: 1000 }), { code: "memory_limit" });
  assert.throws(() => VectorStore.open("text"), { code: "invalid_argument", argument: "bytes" });
});

test("limits are kept, and what was refused can be tried again", () => {
  const store = new VectorStore({ dimensions: 8, memoryLimit: 100_000 });
  const refused = { code: "memory_limit", max: 100_000 };
  assert.throws(() => store.insertMany(batch(5000, 8)), refused);
  store.insertMany(batch(100, 8));
  store.setScopeLimits("tenant:small", { vectors: 2 });
  assert.throws(() => store.insertMany(batch(3, 8, "tenant:small")), {
    code: "scope_limit", scope: "tenant:small", what: "vectors", max: 2, needed: 3,
  });
  const predicted = VectorStore.predictMemory({ dimensions: 384, entries: 1e6, exact: "none" });
  assert.ok(predicted > 5e8 && predicted < 1e9, `${predicted}`);
});

test("a store that was disposed of says so, and so do its handles", () => {
  const store = new VectorStore({ dimensions: 1 });
  const handle = store.scope("user:a");
  store.dispose();
  store.dispose();
  for (const call of [() => store.count(), () => handle.count(), () => store.scope("user:b")]) {
    assert.throws(call, { name: "VicinoError", code: "disposed" });
  }
});

test("vectors find the store of their model", () => {
  const router = new DimensionRouter({ preset: "fast", metric: "euclidean" });
  router.registerModel("text-embedding-3-small", 1536);
  router.registerModel("my-model", 3);
  assert.equal(router.getStore("text-embedding-3-small").config.metric, "cosine");
  assert.equal(router.getStore("my-model").config.metric, "euclidean");
  assert.equal(router.getStore("my-model").config.maxConnections, 8);
  assert.equal(router.autoDetectStore([1, 2, 3]), router.getStore("my-model"));
  assert.throws(() => router.autoDetectStore([1]), { code: "no_model", dimensions: 1 });
  assert.throws(() => router.registerModel("text-embedding-ada-002", 7), VicinoError);
  assert.deepEqual(router.models()[0], { name: "my-model", dimensions: 3 });
  const known = vicino.models().find(({ name }) => name === "text-embedding-3-large");
  assert.deepEqual(known, {
    name: "text-embedding-3-large", dimensions: 3072, metric: "cosine", normalized: true,
  });
  const cut = vicino.truncate(known.name, new Float32Array(3072).fill(0.5), 256);
  assert.ok(Math.abs(cut[0] - 1 / 16) < 1e-7 && cut.length === 256);
});

test("distances are those of their formulas", () => {
  const [a, b] = [new Float32Array([0, 3]), [4, 0]];
  assert.equal(vicino.distance("euclidean", a, b), 5);
  assert.equal(vicino.distance("manhattan", a, b), 7);
  assert.equal(vicino.distance("inner_product", a, a), -9);
  assert.equal(vicino.distance("cosine", a, b), 1);
  assert.throws(() => vicino.distance("euclid", a, b), { argument: "metric" });
});
