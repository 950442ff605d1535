// The package: classes over those of the module, which callers never hold.
import * as module from "./dist/vicino.js";
import { VicinoError, bytes, fields } from "./host.js";
import { assertLoaded, place } from "./load.js";

export { VicinoError };
export const version = "0.1.0";

/** Entries of a chunk, as few as cost little more than many; the same everywhere. */
const CHUNK = 32;

/** Milliseconds until a pause, a frame's; and entries, where the clock stands still meanwhile. */
const [TURN, UNTIMED] = [16, 1024];

/** The least bytes of a piece of a snapshot that is streamed, and how many pieces there are else. */
const PIECE = 16 << 20;
const PIECES = 8;

/** What a store and its handles share, so that all end together. */
class Held {
  #store;

  constructor(store) {
    this.#store = store;
  }

  get store() {
    return this.#store;
  }

  end() {
    this.#store?.free();
    this.#store = undefined;
  }

  // Asks nothing of the value: it may be anything.
  static is(value) {
    return typeof value === "object" && value !== null && #store in value;
  }
}

// What only this file can tell of an object: what it holds, the module's store, and its scope.
let heldBy;
let inner;
let scopeOf;

/** What a store and a handle of one scope have in common. */
class Entries {
  #held;
  #scope;

  constructor(held, scope) {
    this.#held = held;
    this.#scope = scope;
  }

  static {
    heldBy = (entries) => entries.#held;
    scopeOf = (entries) => entries.#scope;
    inner = (entries) => {
      const { store } = entries.#held;
      if (store) return store;
      throw new VicinoError("disposed", "the store was disposed of; open it again");
    };
  }

  insert(entries) {
    return inner(this).insert(this.#scope, entries, 0);
  }

  upsert(entries) {
    return inner(this).upsert(this.#scope, entries, 0);
  }

  insertMany(batch) {
    return inner(this).insertMany(this.#scope, batch);
  }

  upsertMany(batch) {
    return inner(this).upsertMany(this.#scope, batch);
  }

  async insertInChunks(entries, options) {
    const { onProgress, signal, upsert = false, ...unknown } = own("options", options);
    refuse("options", unknown);
    const total = Array.isArray(entries) ? entries.length : undefined;
    let [chunk, done, told, since] = [[], 0, 0, performance.now()];
    const write = () => {
      signal?.throwIfAborted();
      const store = inner(this);
      upsert ? store.upsert(this.#scope, chunk, done) : store.insert(this.#scope, chunk, done);
      done += chunk.length;
      chunk = [];
    };
    const rest = async () => {
      onProgress?.(done, total);
      await pause();
      [told, since] = [done, performance.now()];
    };
    for await (const entry of entries) {
      if (chunk.push(entry) < CHUNK) continue;
      write();
      if (performance.now() - since >= TURN || done - told >= UNTIMED) await rest();
    }
    if (chunk.length > 0) write();
    if (done > told) await rest();
    return done;
  }

  get(key) {
    return inner(this).get(this.#scope, key);
  }

  has(key) {
    return inner(this).has(this.#scope, key);
  }

  delete(keys) {
    return inner(this).delete(this.#scope, keys);
  }

  deleteWhere(filter, options) {
    return inner(this).deleteWhere(this.#scope, filter, options);
  }

  updateMetadata(key, metadata) {
    inner(this).updateMetadata(this.#scope, key, metadata);
  }

  patchMetadata(key, patch) {
    inner(this).patchMetadata(this.#scope, key, patch);
  }

  search(query) {
    return inner(this).search(this.#scope, query);
  }

  searchMany(queries) {
    return inner(this).searchMany(this.#scope, queries);
  }

  explain(query) {
    const [results, explain] = inner(this).explain(this.#scope, query);
    return { results, explain };
  }

  list(options) {
    const [entries, next] = inner(this).list(this.#scope, options);
    return next === undefined ? { entries } : { entries, next };
  }

  count(options) {
    return inner(this).count(this.#scope, options);
  }

  measureRecall(options) {
    return inner(this).measureRecall(this.#scope, options);
  }

  tune(recall, options) {
    return inner(this).tune(this.#scope, recall, options);
  }

  snapshot(options) {
    const outgoing = new module.Outgoing(inner(this), this.#scope, options);
    try {
      const bytes = new Uint8Array(outgoing.len());
      outgoing.read(0, bytes);
      return bytes;
    } finally {
      outgoing.free();
    }
  }

  snapshotStream(options) {
    const outgoing = new module.Outgoing(inner(this), this.#scope, options);
    const length = outgoing.len();
    const most = Math.max(PIECE, Math.ceil(length / PIECES));
    let at = 0;
    const pull = (controller) => {
      const piece = new Uint8Array(Math.min(most, length - at));
      outgoing.read(at, piece);
      controller.enqueue(piece);
      at += piece.length;
      if (at < length) return;
      controller.close();
      outgoing.free();
    };
    const cancel = () => outgoing.free();
    return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  }
}

/** A handle that names one scope and no other. */
export class ScopedStore extends Entries {
  constructor(held, scope) {
    if (!Held.is(held)) throw new TypeError("handles are made by VectorStore.scope");
    super(held, scope);
  }

  get name() {
    return scopeOf(this);
  }

  deleteScope() {
    return inner(this).deleteScope(scopeOf(this));
  }

  stats() {
    return inner(this).statsForScope(scopeOf(this));
  }
}

/** Entries of one dimension and metric, in any number of scopes. */
export class VectorStore extends Entries {
  constructor(options) {
    assertLoaded();
    super(Held.is(options) ? options : new Held(new module.Store(options, place.memoryLimit)));
  }

  static open(bytes, options) {
    assertLoaded();
    return new VectorStore(new Held(module.Store.open(bytes, options, place.memoryLimit)));
  }

  static async openStream(stream, options) {
    assertLoaded();
    const { byteLength, ...others } = own("options", options);
    if (typeof stream?.getReader !== "function") throw invalid("stream", "a ReadableStream");
    const reader = stream.getReader();
    let incoming;
    try {
      let [length, chunks] = [byteLength, chunksOf(reader)];
      if (length === undefined) [length, chunks] = await all(chunks);
      incoming = new module.Incoming(length, others, place.memoryLimit);
      for await (const chunk of chunks) incoming.push(chunk);
      return new VectorStore(new Held(incoming.open()));
    } catch (error) {
      incoming?.free();
      await reader.cancel(error).catch(() => {});
      throw error;
    }
  }

  static predictMemory(options) {
    assertLoaded();
    return module.predictMemory(options);
  }

  get dimensions() {
    return inner(this).config().dimensions;
  }

  get config() {
    return inner(this).config();
  }

  scope(name) {
    inner(this);
    return new ScopedStore(heldBy(this), module.scope(name));
  }

  scopes() {
    return inner(this).scopes();
  }

  stats() {
    return inner(this).stats();
  }

  statsForScope(scope) {
    return inner(this).statsForScope(scope);
  }

  setScopeLimits(scope, limits) {
    inner(this).setScopeLimits(scope, limits);
  }

  deleteScope(scope) {
    return inner(this).deleteScope(scope);
  }

  maintain(budget) {
    return inner(this).maintain(budget);
  }

  dispose() {
    heldBy(this).end();
  }
}
// Engines that do not know `using` have no such symbol.
if (Symbol.dispose) VectorStore.prototype[Symbol.dispose] = VectorStore.prototype.dispose;

/** Stores of embedding models, found by the model, or by the length of a vector alone. */
export class DimensionRouter {
  #router;
  #options;

  constructor(options) {
    assertLoaded();
    this.#router = new module.Router();
    this.#options = own("options", options);
  }

  registerModel(model, dimensions) {
    const metric = this.#router.check(model, dimensions) ?? this.#options.metric;
    const store = new VectorStore({ ...this.#options, dimensions, metric });
    this.#router.register(model, dimensions, store);
    return store;
  }

  getStore(model) {
    return this.#router.get(model);
  }

  autoDetectStore(vector) {
    return this.#router.detect(vector);
  }

  models() {
    const [flat, models] = [this.#router.models(), []];
    for (let i = 0; i < flat.length; i += 2) {
      models.push({ name: flat[i], dimensions: flat[i + 1] });
    }
    return models;
  }
}

/** The distance of two vectors by a metric. */
export function distance(metric, a, b) {
  assertLoaded();
  return module.distance(metric, a, b);
}

/** The embedding models that are known. */
export function models() {
  assertLoaded();
  return module.models();
}

/** A vector of a model cut to its first values, of length one again. */
export function truncate(model, vector, dimensions) {
  assertLoaded();
  return module.truncate(model, vector, dimensions);
}

/** The chunks of a stream, as bytes. */
async function* chunksOf(reader) {
  for (let read; !(read = await reader.read()).done; ) {
    const chunk = bytes(read.value);
    if (chunk === undefined) throw invalid("stream", "a stream of Uint8Array");
    yield chunk;
  }
}

/** How long all chunks are together, and each of them, which is let go once it is taken. */
async function all(chunks) {
  const kept = [];
  let length = 0;
  for await (const chunk of chunks) {
    kept.push(chunk);
    length += chunk.length;
  }
  const taken = function* () {
    while (kept.length > 0) yield kept.shift();
  };
  return [length, taken()];
}

/** The own properties of an object of options, read once. */
function own(argument, options) {
  if (options === undefined) return {};
  let flat;
  try {
    flat = fields(options, false);
  } catch (cause) {
    throw invalid(argument, "an object that can be read", cause);
  }
  if (flat === undefined) throw invalid(argument, "an object");
  const read = Object.create(null);
  for (let i = 0; i < flat.length; i += 2) read[flat[i]] = flat[i + 1];
  return read;
}

function invalid(argument, expected, cause) {
  const message = `\`${argument}\` must be ${expected}`;
  return new VicinoError("invalid_argument", message, { argument, expected }, cause);
}

function refuse(argument, unknown) {
  for (const option of Object.keys(unknown)) {
    const message = `\`${argument}\` has no "${option}"; remove it, or mend its spelling`;
    throw new VicinoError("unknown_option", message, { argument, option });
  }
}

// Lets all else go on. What is back sooner than a timer goes before frames or others' timers, and
// `setTimeout` waits 4 ms in browsers, once one has called for the next.
const pause = () =>
  globalThis.scheduler?.postTask?.(() => {}, { delay: 1 }) ?? new Promise((go) => setTimeout(go));
