// The border: whatever is passed, there is an error with a code or an answer, and the store lives.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DimensionRouter, VectorStore, VicinoError, distance } from "../../wasm/npm/node.js";

const DIMENSIONS = 4;

/** Numbers without a pattern, the same in each run. */
function random(seed) {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return Math.floor(((seed >>> 0) / 2 ** 32) * below);
  };
}

const thrower = (value) => {
  throw value;
};

/** What nobody should pass. Each is made anew, and given the store to call from within. */
const hostile = [
  () => undefined,
  () => null,
  () => NaN,
  () => -1,
  () => 1.5,
  () => 2 ** 32,
  () => 2 ** 53,
  () => 1e308,
  () => Infinity,
  () => "",
  () => "\ud800",
  () => "x".repeat(1000),
  () => "tenant:",
  () => "tenent:x",
  () => true,
  () => 1n,
  () => Symbol("x"),
  () => () => {},
  () => [],
  () => {},
  () => new Array(1e9),
  () => [1, 2, "3", 4],
  () => [1, , 3, 4],
  () => new Date(0),
  () => new Map([["id", "x"]]),
  () => new Proxy({}, { get: () => thrower(new Error("get")), ownKeys: () => ["id"] }),
  () => new Proxy({}, { ownKeys: () => thrower("keys") }),
  () => Proxy.revocable({}, {}).proxy,
  () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  },
  () => new Proxy([], { get: (_, key) => (key === "length" ? 1e15 : 1) }),
  () => ({ get id() { throw new TypeError("id"); } }),
  () => ({ get vector() { return thrower(null); } }),
  () => Object.create({ vector: [1, 2, 3, 4] }),
  () => JSON.parse('{ "__proto__": { "k": 5 } }'),
  () => ({ constructor: 1, toString: 2, vector: [1, 2, 3, 4] }),
  () => nested(100),
  () => {
    const circle = {};
    circle.a = circle;
    return circle;
  },
  () => Object.defineProperty(new Float32Array(4), "length", { value: 1e9 }),
  () => Object.defineProperty(new Float32Array(4), "buffer", { value: null }),
  () => {
    const array = new Float32Array(4);
    structuredClone(array, { transfer: [array.buffer] });
    return array;
  },
  () => new Float32Array([NaN, 0, 0, 0]),
  () => new Float32Array([3e38, 3e38, 3e38, 3e38]),
  () => new Float64Array([1, 2, 3, 4]),
  () => new BigInt64Array(4),
  () => new DataView(new ArrayBuffer(16)),
  () => new ArrayBuffer(16),
  () => new SharedArrayBuffer(16),
  () => new Uint8Array(64),
  (store) => ({ get vector() { store.insert({ vector: [1, 1, 1, 1] }); return [1, 2, 3, 4]; } }),
  (store) => ({ get id() { return store.search({ vector: [1, 2, 3, 4] }).length + "x"; } }),
];

function nested(depth) {
  return depth === 0 ? 1 : { a: nested(depth - 1) };
}

/** Something well-formed, so that what is hostile lies deeper. */
function shape(next, value) {
  switch (next(9)) {
    case 0: return { vector: value };
    case 1: return { vector: [1, 2, 3, 4], k: value };
    case 2: return { vector: [1, 2, 3, 4], filter: value };
    case 3: return { vector: [1, 2, 3, 4], filter: { a: { $in: value } } };
    case 4: return { vector: [1, 2, 3, 4], metadata: { a: value } };
    case 5: return { vector: [1, 2, 3, 4], scope: value, ttlMs: value };
    case 6: return { ids: ["a"], vectors: value };
    case 7: return [value];
    default: return value;
  }
}

test("10,000 hostile calls give errors with codes, and the store lives on", () => {
  const next = random(7);
  let refused = 0;
  let store = new VectorStore({ dimensions: DIMENSIONS, memoryLimit: 1 << 26 });
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(VectorStore.prototype))
    .concat(Object.getOwnPropertyNames(VectorStore.prototype))
    .filter((name) => typeof store[name] === "function")
    .filter((name) => !/^(constructor|dispose|insertInChunks|snapshotStream)$/.test(name));
  assert.ok(methods.length > 20, methods.join());
  const calls = [
    ...methods.map((name) => (...args) => store[name](...args)),
    (...args) => new VectorStore(...args).dispose(),
    (...args) => VectorStore.open(...args).dispose(),
    (...args) => VectorStore.predictMemory(...args),
    (...args) => distance(...args),
    (...args) => new DimensionRouter(...args).registerModel(...args),
    (...args) => new DimensionRouter().autoDetectStore(...args),
    (...args) => store.scope("user:a").search(...args),
    (...args) => store.scope("user:a").insert(...args),
  ];
  for (let i = 0; i < 10_000; i++) {
    const made = () => shape(next, hostile[next(hostile.length)](store));
    const args = Array.from({ length: next(4) }, made);
    try {
      calls[next(calls.length)](...args);
    } catch (error) {
      refused += 1;
      if (!(error instanceof VicinoError && /^[a-z0-9_]+$/.test(error.code))) {
        throw new Error(`call ${i} threw what is not ours: ${error?.stack}`);
      }
    }
    if (i % 100 === 0) {
      assert.equal(store.search({ vector: [1, 0, 0, 0], k: 1, scope: "tenant:t" }).length, i && 1);
      store.upsert({ id: "kept", vector: [1, 0, 0, 0], scope: "tenant:t" });
    }
  }
  assert.ok(refused > 5000, `${refused} were refused`);
});

test("a polluted prototype reaches neither queries nor results", () => {
  const store = new VectorStore({ dimensions: 2 });
  store.insert({ id: "a", vector: [1, 0], scope: "tenant:other" });
  store.insert({ id: "b", vector: [0, 1], metadata: JSON.parse('{ "__proto__": { "x": 1 } }') });
  Object.prototype.scope = "tenant:other";
  let caught = 0;
  for (const name of ["metadata", "content", "expiresAt"]) {
    Object.defineProperty(Object.prototype, name, { set: () => caught++, configurable: true });
  }
  try {
    const [found] = store.search({ vector: [1, 0] });
    assert.deepEqual([found.id, found.scope], ["b", "global"]);
    assert.equal(found.metadata.x, undefined);
    assert.deepEqual(Object.keys(found.metadata), ["__proto__"]);
    assert.equal(caught, 0);
  } finally {
    for (const name of ["scope", "metadata", "content", "expiresAt"]) delete Object.prototype[name];
  }
});

test("what is shared by both sides of an error is in it", () => {
  const store = new VectorStore({ dimensions: 2 });
  const entries = [{ vector: [1, 2] }, { vector: [1] }];
  assert.throws(() => store.insert(entries), {
    name: "VicinoError", code: "dimension_mismatch", expected: 2, found: 1, position: 1,
  });
  assert.throws(() => store.insert([{ vector: [1, 2] }, { vektor: [1] }]), {
    code: "unknown_option", argument: "entries[1]", option: "vektor",
  });
  const cause = new Error("mine");
  const thrown = { get vector() { throw cause; } };
  assert.throws(() => store.search(thrown), { code: "invalid_argument", argument: "query", cause });
  assert.equal(store.count(), 0);
});
