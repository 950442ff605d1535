// What must not compile, line by line.
import { DimensionRouter, ScopedStore, VectorStore, VicinoError } from "vicino";
import type { Entry, Filter, ScopeName } from "vicino";

declare const vector: Float32Array;

interface Doc {
  type: "guide" | "note";
  year?: number;
  draft?: boolean;
  tags?: string[];
  author?: { name: string };
}
declare const store: VectorStore<Doc>;
const asked = (_: Filter<Doc>) => {};

// Operators that there are not, or that do not take the value.
// @ts-expect-error
asked({ year: { $gth: 2020 } });
// @ts-expect-error
asked({ year: { $gte: true } });
// @ts-expect-error
asked({ year: { $gte: "2020" } });
// @ts-expect-error
asked({ year: { $starts_with: "20" } });
// @ts-expect-error
asked({ year: { $in: 2020 } });
// @ts-expect-error
asked({ year: { $exists: 1 } });
// @ts-expect-error
asked({ draft: { $gt: false } });
// @ts-expect-error
asked({ tags: { $in: [1] } });
// @ts-expect-error
asked({ tags: ["a"] });
// @ts-expect-error
asked({ year: null });
// @ts-expect-error
asked({ year: 1n });
// @ts-expect-error
asked({ $nor: [] });
// @ts-expect-error
asked({ $or: { year: 2020 } });
// @ts-expect-error
asked({ $and: [{ year: { $gth: 1 } }] });
// @ts-expect-error
asked({ $not: { yaer: 1 } });
// @ts-expect-error
asked({ year: { $not: { $gth: 1 } } });
// @ts-expect-error
asked({ $has_id: "a" });

// Fields that there are not, or that have no such value.
// @ts-expect-error
asked({ yaer: 2020 });
// @ts-expect-error
asked({ type: "giude" });
// @ts-expect-error
asked({ "author.nmae": "A" });
// @ts-expect-error
asked({ author: { name: "A" } });
// @ts-expect-error
asked({ "year.month": 1 });
// @ts-expect-error
store.search({ vector, filter: { type: "guide", yaer: 2020, draft: true } });

// The second spelling.
// @ts-expect-error
asked({ must: [{ key: "yaer", range: { gte: 1 } }] });
// @ts-expect-error
asked({ must: [{ key: "year", range: { gte: true } }] });
// @ts-expect-error
asked({ must: [{ key: "year", range: { above: 1 } }] });
// @ts-expect-error
asked({ must: [{ key: "year", match: { value: "2020" } }] });
// @ts-expect-error
asked({ must: [{ key: "year", match: { values: [2020] } }] });
// @ts-expect-error
asked({ must: [{ key: "draft", range: { gte: 1 } }] });
// @ts-expect-error
asked({ must: [{ key: "year", geo_radius: {} }] });
// @ts-expect-error
asked({ must: [{ year: 2020 }] });
// @ts-expect-error
asked({ must_not: [{ is_empty: { key: "yaer" } }] });
// @ts-expect-error
asked({ should: [{ must: [{ key: "yaer", match: { value: 1 } }] }] });

// The same where calls take filters.
// @ts-expect-error
store.search({ vector, filter: { year: { $gth: 1 } } });
// @ts-expect-error
store.count({ filter: { yaer: 1 } });
// @ts-expect-error
store.deleteWhere({ yaer: 1 });
// @ts-expect-error
store.scope("user:ada").list({ filter: { yaer: 1 } });
// @ts-expect-error
store.searchMany({ vectors: vector, filter: { year: "1" } });

// Queries.
// @ts-expect-error
store.search({ k: 10 });
// @ts-expect-error
store.search({ vector, id: "a" });
// @ts-expect-error
store.search({ vector, limit: 10 });
// @ts-expect-error
store.search({ vector, k: "10" });
// @ts-expect-error
store.search({ vector: new Float64Array(2) });
// @ts-expect-error
store.search({ vector: [1n] });
// @ts-expect-error
store.searchMany({ vectors: vector, includeVector: true });
// @ts-expect-error
store.search({ vector, includeMetadata: false })[0]!.metadata;
// @ts-expect-error
store.search({ vector })[0]!.vector;

// Entries and metadata.
// @ts-expect-error
store.insert({ vector });
// @ts-expect-error
store.insert({ vector, metadata: {} });
// @ts-expect-error
store.insert({ vector, metadata: { type: "guide", yaer: 1 } });
// @ts-expect-error
store.insert({ metadata: { type: "guide" } });
// @ts-expect-error
store.insert({ vector, metadata: { type: "guide" }, text: "" });
// @ts-expect-error
store.insertMany({ ids: ["a"], vectors: vector });
// @ts-expect-error
const when: Entry = { vector, metadata: { when: new Date() } };
// @ts-expect-error
const large: Entry = { vector, metadata: { large: 1n } };
// @ts-expect-error
store.patchMetadata("a", { type: null });
// @ts-expect-error
store.patchMetadata("a", { author: { nmae: "B" } });
// @ts-expect-error
store.get({ id: "a" });

// Metadata that JSON cannot say.
// @ts-expect-error
new VectorStore<{ when: Date }>({ dimensions: 2 });
// @ts-expect-error
new VectorStore<{ large: bigint }>({ dimensions: 2 });
// @ts-expect-error
new DimensionRouter<{ inner: { call(): void } }>();

// Scopes.
// @ts-expect-error
store.scope("acme");
// @ts-expect-error
store.scope("tenent:acme");
// @ts-expect-error
const scope: ScopeName = "global:x";

// Options.
// @ts-expect-error
new VectorStore({});
// @ts-expect-error
new VectorStore({ dimensions: 2, metric: "l2" });
// @ts-expect-error
new VectorStore({ dimensions: 2, memorylimit: 1 });
// @ts-expect-error
new DimensionRouter({ dimensions: 2 });
// @ts-expect-error
VectorStore.open("snapshot");
// @ts-expect-error
VectorStore.open(new Uint8Array(), { byteLength: 1 });

// What the package alone makes.
// @ts-expect-error
new ScopedStore();
// @ts-expect-error
new VicinoError();
// @ts-expect-error
store.config.efSearch = 1;

export { large, scope, when };
