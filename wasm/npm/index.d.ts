// The types of the package, for every runtime. Needs TypeScript 5.3.
// Times are milliseconds since 1970, UTC, as `Date.now()` gives them. Counts, times and bytes are
// numbers, never a BigInt: an integer of metadata beyond 2^53, which another program stored, comes
// as a string of its digits.
/// <reference lib="esnext.disposable" />

export {};

declare global {
  // Is there in every runtime, and not in the types of every project.
  interface ReadableStream<R = any> {}
}

/** Values of a typed array that no worker shares: what a `Blob` or a `Response` takes. */
type Floats = ReturnType<Float32Array["slice"]>;
type Counts = ReturnType<Uint32Array["slice"]>;
type Bytes = ReturnType<Uint8Array["slice"]>;

/* ------------------------------------------------------------------------------- the module */

/**
 * Fetches and starts the WebAssembly module. A browser awaits it once before the first call;
 * elsewhere the module is there at once, and this does nothing. Later calls do nothing.
 *
 * @param module Where the module is, its bytes, or the module itself, for a bundler or a server
 * that puts `vicino_bg.wasm` elsewhere. Default: beside the script, where `import.meta.url` says.
 * @throws {VicinoError} `simd_unavailable` where the engine has no 128-bit vectors.
 *
 * @example
 * import init, { VectorStore } from "vicino";
 * await init();
 * const store = new VectorStore({ dimensions: 384 });
 */
export default function init(module?: ModuleSource): Promise<void>;

/**
 * Where the WebAssembly module comes from: a URL as a string or a `URL`, its bytes, a `Response`
 * or a promise of one, or a `WebAssembly.Module`, which is what bundlers for workers import.
 */
export type ModuleSource =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | { readonly href: string }
  | PromiseLike<object>
  | object;

/** The version of the package. */
export const version: string;

/* ---------------------------------------------------------------------------------- metadata */

/** What JSON can say. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** An object of JSON. A key whose value is undefined is left out. */
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}

/**
 * What an entry says about itself, and what filters ask about: any object of JSON, up to a
 * megabyte, 1,024 values and 32 levels. A store with a type of its own, `VectorStore<Doc>`, has
 * filters and results checked against it.
 */
export type Metadata = JsonObject;

/** `M` where JSON can say all of it; what it cannot, a `Date` or a bigint for one, is `never`. */
export type MetadataOf<M> = { [K in keyof M]: JsonOf<M[K]> };

type JsonOf<V> = V extends JsonValue | undefined
  ? V
  : V extends bigint | symbol | ((...values: never) => unknown)
    ? never
    : V extends object
      ? { [K in keyof V]: JsonOf<V[K]> }
      : never;

/**
 * A change of metadata by RFC 7396: objects are merged key by key, a null removes its key, and
 * anything else takes the place of what was there. Only what `M` does not ask for can be removed.
 */
export type MetadataPatch<M = Metadata> = string extends keyof M
  ? JsonObject
  : { [K in keyof M]?: PatchOf<M[K]> | (undefined extends M[K] ? null : never) };

type PatchOf<V> = V extends string | number | boolean | null | undefined | readonly unknown[]
  ? V
  : MetadataPatch<V>;

/* -------------------------------------------------------------------------- scopes and keys */

/**
 * Whom an entry belongs to: `"global"`, or a kind and a name of 1 to 512 bytes with a colon
 * between. What belongs to one scope is invisible from every other; names are compared byte for
 * byte. `"global"` is one scope among others and never stands for all.
 */
export type ScopeName = "global" | `${ScopeKind}:${string}`;

type ScopeKind = "tenant" | "user" | "session" | "agent" | "tool" | "workflow" | "hook" | "custom";

/** What names one entry: ids are unique in their scope only. Results and entries are keys too. */
export interface Key {
  /** Its scope. */
  scope: ScopeName;
  /** Its id, 1 to 512 bytes. */
  id: string;
}

/** A key, or an id alone: of the global scope, or of the scope of the handle that is asked. */
export type IdOrKey = string | Key;

/* ----------------------------------------------------------------------------------- entries */

/** A vector that is given: as many finite values as the store has dimensions. */
export type Vector = Float32Array | readonly number[];

interface EntryFields {
  /**
   * The name of the entry, unique in its scope: 1 to 512 bytes of any text. Default: a UUID of
   * version 7, which sorts by the time that it was made.
   */
  id?: string | undefined;
  /** Its vector. */
  vector: Vector;
  /** The text that the vector stands for: kept and returned, never searched in. Up to 16 MiB. */
  content?: string | undefined;
  /** Whom it belongs to. Default: the handle's scope, or `"global"`. */
  scope?: ScopeName | undefined;
  /** When it came. Default: now; for an entry that was there, when that one came. */
  createdAt?: number | undefined;
  /** When its vector or its metadata last changed. Default: now. */
  updatedAt?: number | undefined;
  /** When what it is about happened. Default: none. */
  eventTime?: number | undefined;
  /** From when on it does not exist any more. Default: none, it stays. */
  expiresAt?: number | undefined;
  /** How many milliseconds it exists from now; with `expiresAt` whichever ends first. */
  ttlMs?: number | undefined;
}

/** Where `M` asks for nothing metadata may be left out, and is `{}`. */
type Described<M> = {} extends M
  ? {
      /** What filters ask about. Default: `{}`. */
      metadata?: M | undefined;
    }
  : {
      /** What filters ask about. */
      metadata: M;
    };

/** An entry that is given to a store: a vector, and what is known of it. */
export type Entry<M = Metadata> = EntryFields & Described<M>;

/** Entries whose vectors lie one after the other: the fast way in for many. */
export type EntryBatch<M = Metadata> = {
  /** Their ids, `n` of them. */
  ids: readonly string[];
  /** Their vectors, `n * dimensions` values. */
  vectors: Float32Array;
  /** Their texts, `n` of them, undefined where there is none. */
  contents?: readonly (string | undefined)[] | undefined;
  /** Whom all of them belong to. Default: the handle's scope, or `"global"`. */
  scope?: ScopeName | undefined;
} & ({} extends M
  ? {
      /** Their metadata, `n` objects. Default: `{}` for each. */
      metadata?: readonly M[] | undefined;
    }
  : {
      /** Their metadata, `n` objects. */
      metadata: readonly M[];
    });

/** An entry as a store has it. */
export interface StoredEntry<M = Metadata> {
  /** Its id. */
  id: string;
  /** Its scope. */
  scope: ScopeName;
  /**
   * Its vector as it was given, but for what is lost in scaling it to length one under the
   * cosine, or to the form that is kept. A copy.
   */
  vector: Floats;
  /** Its metadata. */
  metadata: M;
  /** Its text. */
  content?: string;
  /** When it came. */
  createdAt: number;
  /** When its vector or its metadata last changed. */
  updatedAt: number;
  /** When what it is about happened. */
  eventTime?: number;
  /** From when on it does not exist any more. */
  expiresAt?: number;
}

/* ----------------------------------------------------------------------------------- filters */

/**
 * A question about an entry's metadata and id, in one of two spellings. All keys of an object must
 * match, and `{}` matches every entry.
 *
 * The first has paths with values or operators:
 * `{ year: { $gte: 2020 }, tags: "rust", "author.name": { $starts_with: "A" } }`, and `$and`,
 * `$or`, `$not` and `$has_id` beside them. The second is that of Qdrant:
 * `{ must: [{ key: "year", range: { gte: 2020 } }], must_not: [{ has_id: ["a"] }] }`. One object
 * is in one of them.
 *
 * A path is keys with dots between; arrays on the way are looked into, and so are arrays at its
 * end. A backslash before a dot, or before a dollar at the beginning, makes it a part of the key.
 * The first four keys of a path are checked, since metadata may hold more of its own kind.
 *
 * With the default `M` any JSON goes, and what is no filter is refused when it is read:
 * `invalid_filter`, with `at` and `reason`. Up to 14 levels and 65,536 conditions and values.
 */
export type Filter<M = Metadata> = string extends keyof M
  ? JsonObject
  : FieldFilter<M> & Logic<M> & Omit<Clauses<M>, keyof M>;

/** What is asked of the values at paths: a value that one of them equals, or operators. */
type FieldFilter<M> = { [L in Leaf<M, ""> as L["path"]]?: L["value"] | Operators<L["value"]> };

interface Logic<M> {
  /** All of these match; at least one. */
  $and?: readonly Filter<M>[];
  /** One of these matches; at least one. */
  $or?: readonly Filter<M>[];
  /** This does not match. */
  $not?: Filter<M>;
  /** The entry's id is one of these; at least one. */
  $has_id?: readonly string[];
}

/**
 * What is asked of the values at a path. An array there stands for its items: one of them has to
 * match. Values of different kinds are neither equal nor in an order. Nothing and null are the
 * same, and match only `$exists: false`, `$ne`, `$nin` and `$not`.
 */
export interface Operators<V> {
  /** One value equals this one. */
  $eq?: V;
  /** None does, also where there is none. */
  $ne?: V;
  /** One value is greater. Strings compare byte for byte, as UTF-8 sorts. */
  $gt?: Ordered<V>;
  /** One value is greater or equal. */
  $gte?: Ordered<V>;
  /** One value is less. */
  $lt?: Ordered<V>;
  /** One value is less or equal. */
  $lte?: Ordered<V>;
  /** One value equals one of these; at least one. */
  $in?: readonly V[];
  /** None equals any of these, also where there is none; at least one. */
  $nin?: readonly V[];
  /** There is, or with `false` there is not, a value other than null at the path or below it. */
  $exists?: boolean;
  /** It is in an array, or a part of a string that is in no array. */
  $contains?: Part<V>;
  /** One string begins with this one. */
  $starts_with?: Text<V>;
  /** What these ask does not hold. */
  $not?: Operators<V>;
}

type Scalar = string | number | boolean;
type Text<V> = V extends string ? string : never;
type Part<V> = V extends string ? string : V;
type Ordered<V> = V extends string ? string : V extends number ? number : never;

/** The second spelling: conditions that must hold, of which one must, and that must not. */
interface Clauses<M> {
  /** All of these match. */
  must?: Clause<M> | readonly Clause<M>[];
  /** One of these matches; at least one. */
  should?: Clause<M> | readonly Clause<M>[];
  /** None of these matches. */
  must_not?: Clause<M> | readonly Clause<M>[];
}

type Clause<M> =
  | FieldClause<Leaf<M, "[]">>
  | { /** The id is one of these. */ has_id: readonly string[] }
  | { /** There is no value but null. */ is_empty: { key: Leaf<M, "[]">["path"] } }
  | { /** There is no value but null. */ is_null: { key: Leaf<M, "[]">["path"] } }
  | Clauses<M>;

type FieldClause<L> = L extends LeafOf<infer P, infer V>
  ? [V] extends [never]
    ? never
    : { key: P; match: Match<V> } | ([Ordered<V>] extends [never] ? never : RangeClause<P, V>)
  : never;

type Match<V> =
  | { /** `$eq`. */ value: V }
  | { /** `$in`. */ any: readonly V[] }
  | { /** `$nin`. */ except: readonly V[] }
  | { /** `$contains`. */ text: Part<V> }
  | { /** `$starts_with`. */ prefix: Text<V> };

interface RangeClause<P, V> {
  key: P;
  range: { gt?: Ordered<V>; gte?: Ordered<V>; lt?: Ordered<V>; lte?: Ordered<V> };
}

/** A path, and what can lie there; never for an object, of which only its existence is asked. */
interface LeafOf<P, V> {
  path: P;
  value: V;
}

/** The paths of `M`. Behind the keys of arrays `Mark` may stand. */
type Leaf<M, Mark extends string> = Below<M, "", Mark, []>;

type Below<T, Before extends string, Mark extends string, Depth extends 0[]> = T extends unknown
  ? {
      [K in keyof T & (string | number)]-?: At<
        T[K],
        `${Before}${PathKey<K, Before>}`,
        Mark,
        Depth
      >;
    }[keyof T & (string | number)]
  : never;

type At<V, P extends string, Mark extends string, Depth extends 0[]> = JsonValue extends V
  ? LeafOf<P | `${P}.${string}`, Scalar>
  :
      | ([Extract<V, Scalar>] extends [never] ? never : LeafOf<P, Extract<V, Scalar>>)
      | Within<Exclude<V, Scalar | null | undefined>, P, Mark, Depth>;

type Within<
  V,
  P extends string,
  Mark extends string,
  Depth extends 0[],
> = V extends readonly unknown[]
  ? At<Item<V>, P | `${P}${Mark}`, Mark, Depth>
  : V extends object
    ? LeafOf<P, never> | Deeper<V, P, Mark, Depth>
    : never;

type Deeper<
  V,
  P extends string,
  Mark extends string,
  Depth extends 0[],
> = Depth["length"] extends 3
  ? LeafOf<`${P}.${string}`, Scalar>
  : Below<V, `${P}.`, Mark, [...Depth, 0]>;

type Item<V> = V extends readonly (infer I)[] ? (JsonValue extends I ? I : Item<I>) : V;

type PathKey<K extends string | number, Before extends string> = Before extends ""
  ? K extends `$${infer Rest}`
    ? `\\$${Dots<Rest>}`
    : Dots<K>
  : Dots<K>;

type Dots<K extends string | number> = K extends `${infer A}.${infer B}`
  ? `${A}\\.${Dots<B>}`
  : `${K}`;

/* ----------------------------------------------------------------------------------- queries */

/** A range of times. */
export interface TimeRange {
  /** The first time that is in it. Default: no beginning. */
  from?: number | undefined;
  /** The first time that is no longer in it. Default: no end. */
  to?: number | undefined;
}

/**
 * Maximal marginal relevance: each result is the candidate with the best `lambda` of its own score
 * less `1 - lambda` of its likeness to a result before it.
 */
export interface Mmr {
  /** 1 is the order of the scores, 0 is difference alone. Default: 0.5, halfway. */
  lambda?: number | undefined;
  /**
   * The candidates to choose from, at least `offset + k` and up to 1,024, since each is compared
   * with each result. Default: 50.
   */
  fetchK?: number | undefined;
}

interface QueryOptions<M> {
  /** How many results to return at most, 0 to 65,536 with `offset`. Default: 10. */
  k?: number | undefined;
  /**
   * Candidates of a walk through the graph, 1 to 65,536: more find more and take longer. Default:
   * the store's `efSearch`.
   */
  ef?: number | undefined;
  /**
   * The recall to aim at, over 0 and up to 1, where `tune` has measured what it takes. An `ef`
   * goes before it. Default: none.
   */
  recall?: number | undefined;
  /** Compare with everything that matches, however many there are. Default: false. */
  exact?: boolean | undefined;
  /** Leave out results with a lower score. Default: none, as scores mean what the metric says. */
  threshold?: number | undefined;
  /** Leave out the first so many results. Default: 0. */
  offset?: number | undefined;
  /** The scope to search. Default: the handle's, or `"global"`, and no other. */
  scope?: ScopeName | undefined;
  /** Several scopes to search, 1 to 1,024; results are merged by their scores. */
  scopes?: readonly ScopeName[] | undefined;
  /** Which entries are results. Default: all. */
  filter?: Filter<M> | undefined;
  /** Leave out entries whose event was not in this range, or that have no event time. */
  eventTimeRange?: TimeRange | undefined;
  /** Leave out entries that were not created in this range. */
  ingestionTimeRange?: TimeRange | undefined;
  /** Leave out entries that have expired and were not purged. Default: true. */
  excludeExpired?: boolean | undefined;
  /** The time. Default: that of the clock, or of the last write where that was later. */
  now?: number | undefined;
}

interface QueryParts<M, Meta extends boolean, Vec extends boolean> extends QueryOptions<M> {
  /** Return the metadata of results. Default: true, as filters and callers are about it. */
  includeMetadata?: Meta | undefined;
  /** Return the text of results. Default: true, as it is what a search is for. */
  includeContent?: boolean | undefined;
  /** Return the vectors of results. Default: false: they are large and seldom needed. */
  includeVector?: Vec | undefined;
  /** Choose results that also differ from one another. Default: the order of the scores. */
  mmr?: Mmr | undefined;
}

/**
 * A search: what to look near to, where, and among what. It has one of `vector` and `id`. `Meta`
 * and `Vec` are what it says of `includeMetadata` and `includeVector`.
 */
export type Query<
  M = Metadata,
  Meta extends boolean = boolean,
  Vec extends boolean = boolean,
> = QueryParts<M, Meta, Vec> &
  (
    | {
        /** What results are near to. */
        vector: Vector;
        id?: undefined;
      }
    | {
        /** The entry that results are near to, of the first scope. It is no result itself. */
        id: string;
        vector?: undefined;
      }
  );

/** Several searches with everything in common but their vectors. */
export interface QueryBatch<M = Metadata> extends QueryOptions<M> {
  /** What each looks near to: `n * dimensions` values. */
  vectors: Float32Array;
}

interface Hit {
  /** Its id. */
  id: string;
  /** Its scope. */
  scope: ScopeName;
  /** How good it is: larger is better, whatever the metric. See {@link Metric}. */
  score: number;
  /** The metric's own value: smaller is nearer. */
  distance: number;
  /** Its text, if asked for and there. */
  content?: string;
}

type Included<Name extends string, V, Is extends boolean> = [Is] extends [true]
  ? { [N in Name]: V }
  : [Is] extends [false]
    ? {}
    : { [N in Name]?: V };

/**
 * An entry that a search found. Its `metadata` and its `vector`, a copy, are there where the query
 * asked for them: `SearchResult<Doc>` may have either, and what `search` returns has what its
 * query says.
 */
export type SearchResult<
  M = Metadata,
  Meta extends boolean = boolean,
  Vec extends boolean = boolean,
> = Hit & Included<"metadata", M, Meta> & Included<"vector", Floats, Vec>;

/**
 * What several searches found, in rows of `k`: row `i` has the places `i * k` to
 * `i * k + counts[i]`. Places behind that have the id `""`.
 */
export interface BatchResults {
  /** Ids, `n * k` of them. */
  ids: string[];
  /** Their scores. */
  scores: Floats;
  /** Their distances. */
  distances: Floats;
  /** How many results each search has, `n` of them. */
  counts: Counts;
}

/** How the nearest were found: a scan of all that matches, or a walk through the graph. */
export type Way = "scan" | "walk" | "filtered_walk" | "two_hop";

/** How a search came about. */
export interface Explain {
  /** Was the query compared with all that matches, so that no nearer entry can be missing? */
  exact: boolean;
  /**
   * Why there are fewer results than asked for: no more entries match, or the others have too low
   * a score. Not there where there are as many.
   */
  short?: "matches" | "threshold";
  /** What was done in each scope, in the order of the query. */
  scopes: ScopeExplain[];
}

/** How a search came about in one scope. */
export interface ScopeExplain {
  /** The scope. */
  scope: ScopeName;
  /**
   * How the nearest were found. Where it ended in another way than it began, the first found too
   * little, or cost too much. Not there where the scope holds nothing.
   */
  plan?: { began: Way; ended: Way };
  /** The entries of the scope, those included that have expired and were not purged. */
  entries: number;
  /** How many of them the query wants. */
  matches: number;
  /** The candidates that a walk keeps; not there for a search that is to be exact. */
  ef?: number;
  /** Vectors or codes that the query was compared with. */
  distances: number;
  /** Lists of the graph that were followed. */
  hops: number;
  /** The best that a walk met, compared again on the vectors. */
  rescored: number;
}

/** A page of entries. */
export interface Page<M = Metadata> {
  /** The entries, in the order of their ids, byte for byte. */
  entries: StoredEntry<M>[];
  /** What the next page comes behind, for `after`; not there where this was the last. */
  next?: string;
}

/* ------------------------------------------------------------------------- stores and options */

/**
 * How the likeness of two vectors is measured.
 *
 * | metric | distance | score |
 * |---|---|---|
 * | `cosine` | `1 - cos(a, b)`, 0 to 2 | `cos(a, b)`, -1 to 1 |
 * | `euclidean` | `sqrt(sum((a - b)^2))` | `1 / (1 + distance)`, 0 to 1 |
 * | `inner_product` | `-sum(a * b)` | `sum(a * b)` |
 * | `manhattan` | `sum(abs(a - b))` | `1 / (1 + distance)`, 0 to 1 |
 */
export type Metric = "cosine" | "euclidean" | "inner_product" | "manhattan";

/** How much a scope may hold; what is not said has no limit. */
export interface ScopeLimits {
  /** The most entries. */
  vectors?: number | undefined;
  /** The most bytes of memory. */
  bytes?: number | undefined;
}

interface Limits {
  /**
   * The most bytes that the store may take. A write that would take more is refused before it
   * begins: `memory_limit`. Default: 2 GiB, half of what a module can have; 96 MiB in workers of
   * Cloudflare and of Vercel, which are ended at 128.
   */
  memoryLimit?: number | undefined;
  /** How much each scope may hold that has no limits of its own. Default: any number. */
  scopeLimits?: ScopeLimits | undefined;
}

/** What a store is made with. */
export interface StoreOptions extends Limits {
  /** The values of a vector, 1 to 65,536. */
  dimensions: number;
  /** Default: `cosine`, because nearly all embedding models are trained for it. */
  metric?: Metric | undefined;
  /**
   * Settings that the others change. Default: `balanced`. `fast` has half the links, for what is
   * searched seldom or changes often; `accurate` half as many again, for what is built once and
   * must miss next to nothing; `production` is balanced with twice the candidates a search.
   */
  preset?: "balanced" | "fast" | "accurate" | "production" | undefined;
  /** Links of an entry in the graph's upper layers, 4 to 128; twice as many below. Default: 16. */
  maxConnections?: number | undefined;
  /**
   * Candidates that are looked at when an entry is linked, up to 4,096 and at least
   * `maxConnections`. Default: 200, the field's usual value.
   */
  efConstruction?: number | undefined;
  /** Candidates of a search that names no number, 1 to 65,536. Default: 100. */
  efSearch?: number | undefined;
  /** The most layers, 1 to 16. Default: 16, more than any number of entries needs. */
  nbLayers?: number | undefined;
  /**
   * Decides the layers of entries, up to 2^53: the same seed and calls give the same graph.
   * Default: 0.
   */
  seed?: number | undefined;
  /**
   * What a search compares first. Default: `int8`, codes of a quarter of the bytes, because a
   * search waits for memory; the best are then compared on the vectors.
   */
  quantization?: "int8" | "none" | undefined;
  /**
   * What is kept of the vectors beside their codes. Default: `f32`, all. `f16` is half the bytes,
   * and distances off by some 0.1 %; with `none` distances are those of the codes. Without codes
   * it is `f32`: `conflicting_config`.
   */
  exact?: "f32" | "f16" | "none" | undefined;
  /**
   * Up to so many entries a scope is scanned, which is exact; one more, and it becomes a graph. 1
   * to 1,000,000. Default: as many as fill a megabyte with codes, 1,024 to 10,000: there a scan
   * takes as long as a walk.
   */
  promotionSize?: number | undefined;
}

/** The settings that a store has. */
export interface StoreConfig {
  readonly dimensions: number;
  readonly metric: Metric;
  readonly maxConnections: number;
  readonly efConstruction: number;
  readonly efSearch: number;
  readonly nbLayers: number;
  readonly seed: number;
  readonly quantization: "int8" | "none";
  readonly exact: "f32" | "f16" | "none";
  /** Not there where the number is worked out from the dimensions. */
  readonly promotionSize?: number;
}

/** How a snapshot is opened. Its settings are those of the store that it was taken of. */
export interface OpenOptions extends Limits {
  /**
   * How much is looked at first. Default: `structure`, where everything lies; what else is damaged
   * gives errors or other answers when it is read, and does no harm beyond. `full` is the checksum
   * of every byte too.
   */
  verify?: "structure" | "full" | undefined;
}

/** What a snapshot is of. */
export interface SnapshotOptions {
  /** These scopes, as far as they are there. Default: all, or the handle's. */
  scopes?: readonly ScopeName[] | undefined;
}

/** Which scope is meant. */
export interface ScopeOption {
  /** Default: the handle's, or `"global"`. */
  scope?: ScopeName | undefined;
}

/** Which entries are meant. */
export interface Selection<M = Metadata> extends ScopeOption {
  /** Those that match. Default: all. */
  filter?: Filter<M> | undefined;
}

/** Which page of entries is meant. */
export interface ListOptions<M = Metadata> extends Selection<M> {
  /** Entries whose ids come behind this one: `next` of the page before. Default: from the first. */
  after?: string | undefined;
  /** How many at most. Default: 100, since each comes with its vector. */
  limit?: number | undefined;
}

/** How recall is measured. */
export interface RecallOptions<M = Metadata> extends Selection<M> {
  /** Entries that are searched for. Default: 200, which tells recalls apart by half a percent. */
  sample?: number | undefined;
  /** The results of each search. Default: 10. */
  k?: number | undefined;
  /** The candidates of each search. Default: the store's `efSearch`. */
  ef?: number | undefined;
}

/** How a scope is tuned. */
export interface TuneOptions extends ScopeOption {
  /** The results of each search. Default: 10. */
  k?: number | undefined;
}

/** How many entries are inserted a bit at a time. */
export interface ChunkOptions {
  /** Is told at each pause how many are there, and of how many, if that is known. */
  onProgress?: ((done: number, total?: number) => void) | undefined;
  /** Ends it between two chunks. What is there by then stays. */
  signal?: AbortSignalLike | undefined;
  /** Put entries in the place of those that have the same keys. Default: false. */
  upsert?: boolean | undefined;
}

/** What is needed of an `AbortSignal`. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: any;
  throwIfAborted(): void;
}

/** What is needed of a `ReadableStream<Uint8Array>`, of any runtime's. */
export interface ByteStream {
  getReader(): {
    read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
    cancel(reason?: any): Promise<void>;
  };
}

/** Bytes, by what they are for. */
export interface MemoryStats {
  /** Vectors as they are kept for exact distances. */
  vectors: number;
  /** Codes and links. */
  graph: number;
  /** Ids, metadata, texts and times. */
  records: number;
  /** What finds entries by id, metadata and time. */
  lookup: number;
  /** What scopes take before they hold anything. */
  fixed: number;
}

/** What is known of a store: sums over its scopes. */
export interface StoreStats {
  /** Scopes that hold entries. */
  scopeCount: number;
  /** The values of a vector. */
  dimensions: number;
  /** Entries that are there. */
  vectorCount: number;
  /** Entries that were deleted, and whose place was not yet made usable again. */
  tombstones: number;
  /** The bytes that it takes. */
  memory: MemoryStats;
  /** All of them in megabytes, of a million bytes. */
  memoryMb: number;
  /** Searches since the store was made or opened; one of several scopes counts in each. */
  queryCount: number;
}

/** What is known of one scope; zeros where it holds nothing. */
export interface ScopeStats {
  /** The scope. */
  scope: ScopeName;
  /** Entries that are there. */
  vectorCount: number;
  /** Entries that were deleted, and whose place was not yet made usable again. */
  tombstones: number;
  /** The bytes that it takes. */
  memory: MemoryStats;
  /** All of them in megabytes, of a million bytes. */
  memoryMb: number;
  /** Searches of it since the store was made or opened. */
  queryCount: number;
  /** The time of the first write. */
  createdAt?: number;
  /** The latest time of a write. */
  lastWriteAt?: number;
}

/** What a call of `maintain` did. */
export interface Maintenance {
  /** Nothing is left to do. */
  finished: boolean;
  /** The distances that were computed, and the lists that were read. */
  distances: number;
  /** Lists of the graph that were led around deleted entries. */
  repaired: number;
  /** Places that can be used again. */
  freed: number;
  /** Entries that had expired. */
  purged: number;
}

/**
 * What a store and a handle of one scope have in common. Where a call fails nothing has happened,
 * and the store works on. Every call throws `invalid_argument` and `unknown_option` for what it
 * does not take, `invalid_name` and `unknown_scope_kind` for a scope that is none, and `disposed`
 * after {@link VectorStore.dispose}; a handle throws `scope_mismatch` where another scope is named.
 */
declare abstract class Entries<M extends MetadataOf<M> = Metadata> {
  protected constructor();

  /**
   * Adds entries and returns their keys in the same order. A search of a scope sees all of its
   * entries of a call or none. Many at once are linked faster than one by one.
   *
   * @throws {VicinoError} `duplicate_id` where a scope has an id already, or the call names it
   * twice; `dimension_mismatch`, `not_finite`, `zero_norm` under the cosine, `norm_too_large`,
   * `value_too_large` with `exact: "f16"`; `too_large`, `too_deep`, `invalid_number`,
   * `invalid_time`; `scope_limit`, `memory_limit`, `out_of_memory`. One that is one entry's has
   * its place in `position`.
   */
  insert(entries: Entry<M> | readonly Entry<M>[]): Key[];

  /**
   * Adds entries, in the place of those that have the same keys: of several with one key the last
   * stays. A search sees the old entry or the new one, never both or none. `createdAt` stays.
   *
   * @throws {VicinoError} As {@link insert}, but for `duplicate_id`.
   */
  upsert(entries: Entry<M> | readonly Entry<M>[]): Key[];

  /**
   * {@link insert} of entries whose vectors lie one after the other; how many there were.
   *
   * @throws {VicinoError} As {@link insert}.
   */
  insertMany(batch: EntryBatch<M>): number;

  /**
   * {@link upsert} of entries whose vectors lie one after the other; how many there were.
   *
   * @throws {VicinoError} As {@link upsert}.
   */
  upsertMany(batch: EntryBatch<M>): number;

  /**
   * Inserts any number of entries, 32 at a time, and lets everything else go on after each frame's
   * time; how many there were. An error, or a signal, ends it between two chunks: whole chunks
   * stay.
   *
   * One chunk takes longer, that which makes a graph of a scope: a second or two at the default
   * {@link StoreOptions.promotionSize}, and at 256 as long as others, with codes that fit the
   * vectors until then.
   *
   * @throws {VicinoError} As {@link insert}, entries counted from the first of all. The signal's
   * reason where that ended it.
   */
  insertInChunks(
    entries: Iterable<Entry<M>> | AsyncIterable<Entry<M>>,
    options?: ChunkOptions,
  ): Promise<number>;

  /**
   * The entry of an id or a key; undefined where there is none, or it has expired.
   *
   * @throws {VicinoError} `corrupt` where it comes from a damaged snapshot.
   */
  get(key: IdOrKey): StoredEntry<M> | undefined;

  /** Is there an entry with this id or key? */
  has(key: IdOrKey): boolean;

  /**
   * Deletes entries; how many there were. They are gone at once, and their memory can be used
   * again after {@link VectorStore.maintain}.
   */
  delete(keys: IdOrKey | readonly IdOrKey[]): number;

  /**
   * Deletes the entries of a scope that match; how many there were. `{}` matches all.
   *
   * @throws {VicinoError} `invalid_filter`.
   */
  deleteWhere(filter: Filter<M>, options?: ScopeOption): number;

  /**
   * Puts other metadata in the place of an entry's. The graph is not touched.
   *
   * @throws {VicinoError} `unknown_id`; `too_large`, `too_deep` and `invalid_number`;
   * `scope_limit`, `memory_limit`, `out_of_memory`.
   */
  updateMetadata(key: IdOrKey, metadata: M): void;

  /**
   * Merges metadata into an entry's, see {@link MetadataPatch}.
   *
   * @throws {VicinoError} As {@link updateMetadata}.
   */
  patchMetadata(key: IdOrKey, patch: MetadataPatch<M>): void;

  /**
   * The `k` nearest entries, the best first. There are fewer only where no more match, or have the
   * score that is asked for.
   *
   * @throws {VicinoError} `dimension_mismatch`, `not_finite`, `zero_norm`, `norm_too_large`;
   * `invalid_query`, `invalid_filter`, `invalid_recall`, `invalid_time`; `unknown_id` for `id`;
   * `not_tuned` for a `recall` that was not measured; `out_of_memory`.
   */
  search<Meta extends boolean = true, Vec extends boolean = false>(
    query: Query<M, Meta, Vec>,
  ): SearchResult<M, Meta, Vec>[];

  /**
   * {@link search} for several vectors, whose results are ids and numbers.
   *
   * @throws {VicinoError} As {@link search}, with the place of the query in `position`.
   */
  searchMany(queries: QueryBatch<M>): BatchResults;

  /**
   * {@link search}, and how the answer came about.
   *
   * @throws {VicinoError} As {@link search}.
   */
  explain<Meta extends boolean = true, Vec extends boolean = false>(
    query: Query<M, Meta, Vec>,
  ): { results: SearchResult<M, Meta, Vec>[]; explain: Explain };

  /**
   * Entries of a scope in the order of their ids. Each page sees the scope as it is then; an entry
   * that is there all the time is on exactly one page.
   *
   * @throws {VicinoError} `invalid_filter`, and `corrupt` as {@link get}.
   */
  list(options?: ListOptions<M>): Page<M>;

  /**
   * How many entries of a scope match.
   *
   * @throws {VicinoError} `invalid_filter`, and `corrupt` as {@link get}.
   */
  count(options?: Selection<M>): number;

  /**
   * The share of the nearest entries that searches find, 0 to 1, measured on entries of the scope.
   * It costs an exact search for each, and says more than any figure measured on other data.
   *
   * @throws {VicinoError} As {@link search}.
   */
  measureRecall(options?: RecallOptions<M>): number;

  /**
   * Measures how many candidates searches of a scope need for a recall, over 0 and up to 1, and
   * remembers it for queries that aim at it; undefined where 65,536 are not enough. It costs some
   * 200 exact searches. Measure again when the scope has changed much.
   *
   * @throws {VicinoError} `invalid_recall`.
   */
  tune(recall: number, options?: TuneOptions): number | undefined;

  /**
   * The scopes of this moment as bytes that open anywhere, natively too. What limits a store is
   * not in them.
   *
   * @throws {VicinoError} `out_of_memory`.
   */
  snapshot(options?: SnapshotOptions): Bytes;

  /**
   * The same as a stream, in pieces of some megabytes. It is of the moment of the call, and the
   * store may change meanwhile; read it to its end or cancel it, since it holds memory until then.
   *
   * @throws {VicinoError} `out_of_memory`.
   */
  snapshotStream(options?: SnapshotOptions): ReadableStream<Bytes>;
}

/**
 * A store of vectors in memory: one dimension, one metric, any number of scopes. All calls but
 * `openStream` and `insertInChunks` are synchronous.
 *
 * @typeParam M What the metadata of its entries is. It is believed, and not checked at run time.
 *
 * @example
 * const store = new VectorStore<{ type: string; year?: number }>({ dimensions: 384 });
 * store.insert({ id: "doc-1", vector, metadata: { type: "guide" }, scope: "tenant:acme" });
 * const acme = store.scope("tenant:acme");
 * const results = acme.search({ vector, k: 5, filter: { year: { $gte: 2020 } } });
 */
export class VectorStore<M extends MetadataOf<M> = Metadata> extends Entries<M> {
  /**
   * An empty store.
   *
   * @throws {VicinoError} `invalid_config` with `field`, `min`, `max` and `found`,
   * `conflicting_config`, `not_initialized` in a browser before `init`.
   */
  constructor(options: StoreOptions);

  /**
   * The store of a snapshot, of this package or of the native one.
   *
   * @throws {VicinoError} `corrupt` for bytes that are no snapshot, or a damaged one;
   * `unknown_format` for one of a later version; `out_of_memory`, `not_initialized`.
   */
  static open<M extends MetadataOf<M> = Metadata>(
    bytes: Uint8Array | ArrayBuffer,
    options?: OpenOptions,
  ): VectorStore<M>;

  /**
   * The same of a stream, a response's body for one. With `byteLength` the bytes are held once,
   * and without it twice for a moment.
   *
   * @throws {VicinoError} As {@link open}; `corrupt` too where there are more or fewer bytes than
   * `byteLength`. What the stream fails with.
   */
  static openStream<M extends MetadataOf<M> = Metadata>(
    stream: ByteStream,
    options?: OpenOptions & {
      /** How many bytes come: `Content-Length` of what was not compressed on the way. */
      byteLength?: number | undefined;
    },
  ): Promise<VectorStore<M>>;

  /**
   * About how many bytes a store takes that has so many entries in one scope, whose ids, metadata
   * and texts have `recordBytes` each. A memory limit is held to it.
   *
   * @throws {VicinoError} `invalid_config`, `conflicting_config`.
   */
  static predictMemory(
    options: StoreOptions & {
      /** How many entries. */
      entries: number;
      /** Bytes of each beside its vector. Default: 0. */
      recordBytes?: number | undefined;
    },
  ): number;

  /** The values of a vector. */
  get dimensions(): number;

  /** The settings that it has. */
  get config(): StoreConfig;

  /**
   * A handle that names one scope and no other: the way to write code that cannot leak. The scope
   * needs no making. Handles are cheap, and end with their store.
   *
   * @throws {VicinoError} `invalid_name`, `unknown_scope_kind`.
   */
  scope(name: ScopeName): ScopedStore<M>;

  /** The scopes that hold entries, in their order. */
  scopes(): ScopeName[];

  /** What is known of the store. */
  stats(): StoreStats;

  /** What is known of a scope. */
  statsForScope(scope: ScopeName): ScopeStats;

  /** Sets how much a scope may hold. One that holds more keeps it, and takes no more. */
  setScopeLimits(scope: ScopeName, limits: ScopeLimits): void;

  /** Deletes all of a scope at once, and gives its memory back; how many entries that were. */
  deleteScope(scope: ScopeName): number;

  /**
   * Deletes what has expired and makes the places of deleted entries usable again. Call it now and
   * then where entries are deleted, when there is time.
   *
   * @param budget About how many distances it may take; what is left is done by the next calls.
   * Default: 1,000,000, some tens of milliseconds.
   */
  maintain(budget?: number): Maintenance;

  /**
   * Gives the memory back. Every later call of the store and its handles throws `disposed`, but
   * for this one.
   */
  dispose(): void;

  /** {@link dispose}, for `using`. Not there in engines that do not know `Symbol.dispose`. */
  [Symbol.dispose](): void;
}

/**
 * A handle of one scope, from {@link VectorStore.scope}. Where nothing is said calls mean its
 * scope; naming another is `scope_mismatch`.
 */
export class ScopedStore<M extends MetadataOf<M> = Metadata> extends Entries<M> {
  private constructor();

  /** Its scope. */
  get name(): ScopeName;

  /** What is known of the scope. */
  stats(): ScopeStats;

  /** Deletes all of the scope at once, and gives its memory back; how many entries that were. */
  deleteScope(): number;
}

/* ------------------------------------------------------------------------------------ models */

/** What is known of an embedding model. */
export interface ModelInfo {
  /** The name that its maker gave it. */
  name: string;
  /** The values of a vector, unless another number is asked for. */
  dimensions: number;
  /** What its vectors are to be compared by. */
  metric: Metric;
  /** Have its whole vectors length one? */
  normalized: boolean;
}

/** The embedding models that are known, in the order of their makers. */
export function models(): ModelInfo[];

/**
 * A vector of a model cut to its first `dimensions` values and scaled to length one, for models
 * that are trained for it.
 *
 * @throws {VicinoError} `cannot_truncate` where vectors of the model mean nothing once they are
 * cut, or nothing is known of it; `model_dimensions` where it makes none of either length;
 * `dimension_mismatch` for a vector that is too short; `not_finite`, `zero_norm`.
 */
export function truncate(model: string, vector: Vector, dimensions: number): Floats;

/**
 * Stores of embedding models, each made when its model is registered. Nothing is cut, padded or
 * guessed.
 */
export class DimensionRouter<M extends MetadataOf<M> = Metadata> {
  /**
   * A router without models.
   *
   * @param options What stores are made with. Default of `metric`: the model's own, where it is
   * known.
   */
  constructor(options?: Omit<StoreOptions, "dimensions">);

  /**
   * Makes the store of a model, known or not, of so many dimensions, and returns it.
   *
   * @throws {VicinoError} `model_registered`; `model_dimensions` where the model is known and
   * makes no such vectors; `invalid_name`, `invalid_config`, `conflicting_config`.
   */
  registerModel(name: string, dimensions: number): VectorStore<M>;

  /**
   * The store of a model.
   *
   * @throws {VicinoError} `unknown_model`.
   */
  getStore(name: string): VectorStore<M>;

  /**
   * The store whose model makes vectors of this length.
   *
   * @throws {VicinoError} `no_model`, and `ambiguous_model` where several do.
   */
  autoDetectStore(vector: Vector): VectorStore<M>;

  /** The models that are registered, by name. */
  models(): { name: string; dimensions: number }[];
}

/**
 * The distance of two vectors of one length by a metric, worked out in 64-bit floats and rounded
 * once.
 *
 * @throws {VicinoError} `dimension_mismatch`, `too_many_dimensions`, `not_finite`,
 * `norm_too_large`, `zero_norm` under the cosine.
 */
export function distance(metric: Metric, a: Vector, b: Vector): number;

/* ------------------------------------------------------------------------------------ errors */

/** The words for what can go wrong. They never change; later versions may have more. */
export type ErrorCode =
  | "ambiguous_model"
  | "broken"
  | "cannot_truncate"
  | "code_out_of_range"
  | "conflicting_config"
  | "corrupt"
  | "dimension_mismatch"
  | "disposed"
  | "duplicate_id"
  | "invalid_argument"
  | "invalid_config"
  | "invalid_filter"
  | "invalid_name"
  | "invalid_number"
  | "invalid_query"
  | "invalid_recall"
  | "invalid_time"
  | "isa_unavailable"
  | "kernel_mismatch"
  | "memory_limit"
  | "model_dimensions"
  | "model_registered"
  | "no_model"
  | "norm_too_large"
  | "not_finite"
  | "not_initialized"
  | "not_tuned"
  | "out_of_memory"
  | "output_mismatch"
  | "scope_exists"
  | "scope_limit"
  | "scope_mismatch"
  | "simd_unavailable"
  | "too_deep"
  | "too_large"
  | "too_many_dimensions"
  | "too_many_entries"
  | "unknown_format"
  | "unknown_id"
  | "unknown_isa"
  | "unknown_metric"
  | "unknown_model"
  | "unknown_option"
  | "unknown_scope_kind"
  | "unknown_slot"
  | "unreadable"
  | "value_too_large"
  | "write_conflict"
  | "zero_norm"
  | (string & {});

/**
 * An error of Vicino. What was asked for has not happened, and everything is as it was. Which of
 * the other fields are there depends on the code.
 *
 * @example
 * try {
 *   store.insert(entries);
 * } catch (error) {
 *   if (!(error instanceof VicinoError) || error.code !== "dimension_mismatch") throw error;
 *   console.log(`entry ${error.position} has ${error.found} values, not ${error.expected}`);
 * }
 */
export class VicinoError extends Error {
  private constructor();

  /** Always this. */
  readonly name: "VicinoError";
  /** What went wrong, as a word. */
  readonly code: ErrorCode;
  /**
   * What was expected: a number with `dimension_mismatch`, the scope of the handle with
   * `scope_mismatch`, words with `invalid_argument` unless reading the argument threw.
   */
  readonly expected?: number | string;
  /**
   * What was found instead, or was too much: a scope with `scope_mismatch`, a number with
   * `dimension_mismatch`, `invalid_config`, `invalid_name`, `invalid_number`, `invalid_recall`,
   * `invalid_time`, `model_dimensions`, `norm_too_large`, `too_large`, `too_many_dimensions` and
   * `unknown_format`.
   */
  readonly found?: number | string;
  /** The least that is allowed: `invalid_config`. */
  readonly min?: number;
  /**
   * The most that is allowed: `invalid_config`, `invalid_name`, `memory_limit`, `norm_too_large`,
   * `scope_limit`, `too_deep`, `too_large`, `too_many_dimensions`, `too_many_entries`,
   * `unknown_format`, `value_too_large`.
   */
  readonly max?: number;
  /** What it would have come to: `memory_limit` and `scope_limit`. */
  readonly needed?: number;
  /**
   * Which of several entries, queries, keys or scopes, counted from 0, with any code that one of
   * them can cause. Of a vector that is alone, the place of its value, as `index`.
   */
  readonly position?: number;
  /** Which value of that vector, counted from 0: `not_finite`, `value_too_large`. */
  readonly index?: number;
  /** Where in the arguments, such as `entries[3].vector`: `invalid_argument`, `unknown_option`. */
  readonly argument?: string;
  /** The key that means nothing: `unknown_option`. */
  readonly option?: string;
  /** The setting of `invalid_config`, or the part of `invalid_query`. */
  readonly field?: string;
  /** One of two settings that do not go together: `conflicting_config`. */
  readonly first?: string;
  /** The other: `conflicting_config`. */
  readonly second?: string;
  /** Where in a filter, as a JSON pointer: `invalid_filter`. */
  readonly at?: string;
  /** What is wrong: `invalid_filter`, `invalid_query`, `corrupt`. */
  readonly reason?: string;
  /** The part of a snapshot: `corrupt`. */
  readonly section?: string;
  /** What there is too much of: `too_large`, `scope_limit`; what has the name: `invalid_name`. */
  readonly what?: string;
  /** The scope: `duplicate_id`, `unknown_id`, `scope_limit`, `not_tuned`. */
  readonly scope?: ScopeName;
  /** The beginning of the id: `duplicate_id`, `unknown_id`. */
  readonly id?: string;
  /** The beginning of what is no kind of scope: `unknown_scope_kind`. */
  readonly kind?: string;
  /** How much memory was asked for: `out_of_memory`. */
  readonly bytes?: number;
  /** The recall that was not measured: `not_tuned`. */
  readonly recall?: number;
  /** The results that it was to be measured with: `not_tuned`. */
  readonly k?: number;
  /**
   * The beginning of the model's name: `cannot_truncate`, `model_dimensions`, `model_registered`,
   * `unknown_model`.
   */
  readonly model?: string;
  /** The lengths that the model makes, in words: `model_dimensions`. */
  readonly sizes?: string;
  /** The length of a vector: `no_model`, `ambiguous_model`, `model_registered`. */
  readonly dimensions?: number;
  /** Models that are registered, with their dimensions, up to eight: `no_model`. */
  readonly registered?: string[];
  /** Models that fit, with their dimensions, up to eight: `ambiguous_model`. */
  readonly models?: string[];
  /** What a caller's accessor threw: `invalid_argument`. */
  readonly cause?: unknown;
}
