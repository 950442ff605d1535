// What must compile: the package as its pages use it, and what its types are to tell.
import init, { DimensionRouter, VectorStore, VicinoError } from "vicino";
import { distance, models, truncate, version } from "vicino";
import type { Entry, Filter, Key, Query, ScopedStore, ScopeName, SearchResult } from "vicino";
import type { Metadata, StoredEntry } from "vicino";

/** Do two types equal one another? */
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function equal<A, B>(..._: Equal<A, B> extends true ? [] : [never]): void {}

declare const vector: Float32Array;
declare const someone: string;

// Without a type of its own metadata is any JSON, and so are filters.
await init();
const store = new VectorStore({ dimensions: 384, metric: "cosine" });
const keys: Key[] = store.insert([
  { id: "doc-1", vector, metadata: { type: "guide", tags: ["a"] }, scope: "tenant:acme" },
  { vector: [0.1, 0.2], scope: `user:${someone}`, ttlMs: 60_000 },
]);
store.insert({ vector });
const hits = store.search({ vector, k: 10, scope: "tenant:acme", filter: { type: "guide" } });
equal<(typeof hits)[number], SearchResult<Metadata, true, false>>();
store.search({ vector, filter: { year: { $gte: 2020 }, $or: [{ "a.b": 1 }, { c: true }] } });
store.count({ filter: JSON.parse("{}") });
store.delete(keys);
store.delete(hits);
store.get("doc-1")?.vector.subarray(1);
store.patchMetadata("doc-1", { year: null, author: { name: "A" } });

// An interface is metadata as well, whatever JSON it is made of.
interface Doc {
  type: "guide" | "note";
  year?: number;
  draft: boolean;
  tags: string[];
  author: { name: string; born?: { year: number } | null };
  parts?: { n: number; labels: readonly string[] }[];
  extra?: Record<string, number>;
  more?: Metadata;
  "service.name"?: string;
  $id?: string;
  children?: Doc[];
}
declare const doc: Doc;
const docs = new VectorStore<Doc>({ dimensions: 384, preset: "production" });
docs.upsert({ vector, metadata: doc });
docs.insertMany({ ids: ["a"], vectors: vector, metadata: [doc], contents: [undefined] });

const filters: Filter<Doc>[] = [
  {},
  { type: "guide", draft: false, tags: "rust", year: 2020 },
  { year: { $gte: 2020, $lt: 2025, $not: { $in: [2021, 2022] } } },
  { type: { $in: ["guide", "note"], $starts_with: "g", $contains: "ui", $gt: "a" } },
  { tags: { $contains: "rust", $nin: ["draft"] }, draft: { $ne: true } },
  { "author.name": { $starts_with: "A" }, "author.born.year": { $lte: 1900 } },
  { author: { $exists: true }, parts: { $exists: false }, "author.born": { $exists: true } },
  { "parts.n": { $gt: 1 }, "parts.labels": "x" },
  { "extra.anything": { $gt: 1 }, "more.any.thing": "x" },
  { "service\\.name": "api", "\\$id": "x" },
  { "children.children.type": "note", "children.children.children.children.year": 1 },
  { $or: [{ draft: false }, { $has_id: ["a", "b"] }], $not: { tags: { $in: ["de"] } } },
  { $and: [{ type: "note" }, { $and: [{ year: 1 }] }] },
  {
    must: [
      { key: "year", range: { gte: 2020 } },
      { key: "tags[]", match: { any: ["rust", "wasm"] } },
      { key: "parts[].n", match: { value: 1 } },
      { key: "type", match: { except: ["note"] } },
      { key: "author.name", match: { text: "vector" } },
    ],
    should: { key: "author.name", match: { prefix: "A" } },
    must_not: [{ has_id: ["a"] }, { is_empty: { key: "tags" } }, { is_null: { key: "author" } }],
  },
  { should: [{ must: [{ key: "draft", match: { value: true } }] }] },
];
docs.deleteWhere(filters[0] ?? {}, { scope: "global" });

// A field may be called as a clause is.
equal<Filter<{ must: number }>["must"], number | import("vicino").Operators<number> | undefined>();
// Of several kinds of entries, filters may ask for what any of them has.
type Either = { kind: "a"; size: number } | { kind: "b"; size: string; name: string };
const either: Filter<Either> = { kind: { $in: ["a", "b"] }, size: { $gt: 1 }, name: "x" };
new VectorStore<Either>({ dimensions: 2 }).count({ filter: either });

// Results have what the query asks for.
const found = docs.search({ vector, filter: { type: "guide" } });
for (const { id, scope, score, distance, metadata, content } of found) {
  equal<typeof metadata, Doc>();
  equal<typeof content, string | undefined>();
  equal<[typeof id, typeof scope, typeof score, typeof distance], [
    string, ScopeName, number, number,
  ]>();
}
docs.search({ id: "a", includeVector: true })[0]?.vector.subarray(1);
const { results, explain } = docs.explain({ vector, includeMetadata: false });
results[0]?.score;
explain.scopes[0]?.plan?.ended === "two_hop";
function search(query: Query<Doc>): SearchResult<Doc>[] {
  const results = docs.search(query);
  equal<(typeof results)[0]["metadata"], Doc | undefined>();
  return results;
}
search({ vector, k: undefined, mmr: { lambda: 0.5, fetchK: 20 }, recall: 0.95 });
search({ vector, eventTimeRange: { from: 0 }, scopes: ["global", "user:ada"], exact: true });
const plain: SearchResult<Doc>[] = found;

const entry = docs.get({ scope: "user:ada", id: "a" });
equal<typeof entry, StoredEntry<Doc> | undefined>();
if (entry) docs.upsert({ vector: entry.vector, metadata: entry.metadata, id: entry.id });
docs.updateMetadata(keys[0] ?? "a", doc);
docs.patchMetadata("a", { year: null, author: { name: "B", born: null }, tags: [] });
const page = docs.list({ limit: 10, after: "a", filter: { draft: true } });
page.entries.push(...docs.list({ after: page.next }).entries);

const many = docs.searchMany({ vectors: vector, k: 3, filter: { draft: false } });
for (let i = 0; i < many.counts.length; i++) {
  many.ids.slice(i * 3, i * 3 + many.counts[i]!);
}

// Handles.
const ada: ScopedStore<Doc> = docs.scope("user:ada");
ada.insert({ vector, metadata: doc });
ada.search({ vector, filter: { type: "note" } })[0]?.metadata.author.name;
equal<typeof ada.name, ScopeName>();
ada.stats().lastWriteAt?.toFixed();
ada.snapshot();

// Everything else.
const controller = { aborted: false, throwIfAborted() {} };
await docs.insertInChunks(
  (async function* (): AsyncGenerator<Entry<Doc>> {
    yield { vector, metadata: doc };
  })(),
  { onProgress: (done, total) => void (done / (total ?? 1)), signal: controller, upsert: true },
);
await docs.insertInChunks([{ vector, metadata: doc }]);
const copy = VectorStore.open<Doc>(docs.snapshot({ scopes: ["global"] }), { verify: "full" });
copy.config.efSearch.toFixed();
copy.stats().memory.graph.toFixed();
copy.maintain().finished satisfies boolean;
copy.setScopeLimits("global", { vectors: 100 });
copy.tune(0.95, { k: 5 })?.toFixed();
copy.measureRecall({ sample: 100, filter: { draft: false } });
VectorStore.predictMemory({ dimensions: 384, entries: 1_000_000, recordBytes: 200 }).toFixed();
{
  using scratch = new VectorStore({ dimensions: 2, memoryLimit: 1 << 20, seed: 7 });
  scratch.scopes();
}

const router = new DimensionRouter<Doc>({ quantization: "none" });
router.registerModel("text-embedding-3-small", 1536).insert({ vector, metadata: doc });
router.getStore("text-embedding-3-small").search({ vector });
router.autoDetectStore(vector).count();
models()[0]?.metric satisfies "cosine" | "euclidean" | "inner_product" | "manhattan" | undefined;
truncate("text-embedding-3-small", vector, 256).subarray(1);
(distance("cosine", [1, 0], vector) + version.length).toFixed();

try {
  store.insert({ vector });
} catch (error) {
  if (error instanceof VicinoError && error.code === "dimension_mismatch") {
    error.expected === error.found;
    error.position?.toFixed();
    error.index?.toFixed();
  }
}

// Stores of any metadata.
function total(...stores: (VectorStore<any> | ScopedStore<any>)[]): number {
  return stores.reduce((sum, store) => sum + store.count(), 0);
}
total(store, docs, ada, new VectorStore<any>({ dimensions: 2 }));
new VectorStore<{}>({ dimensions: 2 }).search({ vector, filter: { $has_id: ["a"] } });
new VectorStore<Record<string, any>>({ dimensions: 2 }).search({ vector, filter: { a: 1 } });
export { plain };
