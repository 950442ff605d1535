// What libraries do with vectors, measured alike in Node and in a page.

export const K = 10;

/** The `ef`s that libraries are asked for. */
export const EFS = [10, 16, 24, 32, 48, 64, 96, 128, 200, 300, 400, 500];

const SECONDS = 2;

/** Measures a library on what is served at `url`. */
export async function run(library, url) {
  const get = (name) => fetch(`${url}/${name}`);
  const floats = async (name) => new Float32Array(await (await get(name)).arrayBuffer());
  const { efs, ...about } = await (await get("about.json")).json();
  const data = { ...about, rows: await floats("rows.f32"), queries: await floats("queries.f32") };
  return measure(await libraries[library](), data, efs[library]);
}

/**
 * What a library does with `data`: inserts a second, and for each `ef` the recall, the searches a
 * second and how long one takes. `open` makes an index for an `ef`, one for all where the index
 * can be asked for another.
 */
export async function measure(open, { rows, queries, truth, dimensions: d }, efs = EFS) {
  const [n, asked] = [rows.length / d, queries.length / d];
  const query = (i) => queries.subarray((i % asked) * d, (i % asked) * d + d);
  const table = [];
  let [index, inserts] = [];
  for (const ef of efs) {
    if (!index || index.search.length < 2) {
      index = await open(d, n, ef);
      const start = performance.now();
      await index.insert(rows);
      inserts ??= n / (performance.now() - start) * 1000;
    }
    let hits = 0;
    for (let i = 0; i < asked; i++) {
      const found = new Set(index.search(query(i), ef));
      hits += truth[i].filter((id) => found.has(id)).length;
    }
    const times = [];
    const start = performance.now();
    for (let i = 0; performance.now() - start < SECONDS * 1000; i++) {
      const before = performance.now();
      index.search(query(i), ef);
      times.push(performance.now() - before);
    }
    const qps = times.length / (performance.now() - start) * 1000;
    times.sort((a, b) => a - b);
    const [p50, p99] = [0.5, 0.99].map((share) => times[Math.floor(times.length * share)]);
    table.push({ ef, recall: hits / asked / K, qps, p50, p99 });
  }
  return { inserts, table, bytes: index.bytes?.() / n };
}

/** The searches a second at a recall, between the two rows of a table that it lies between. */
export function at(recall, table) {
  const after = table.findIndex((row) => row.recall >= recall);
  if (after < 0) return NaN;
  const [a, b] = [table[after - 1], table[after]];
  if (!a) return b.qps;
  return a.qps + (recall - a.recall) / (b.recall - a.recall) * (b.qps - a.qps);
}

/** How a store is opened. */
export const opens = (VectorStore) => (dimensions, n) => {
  const store = new VectorStore({ dimensions });
  const ids = Array.from({ length: n }, (_, i) => `${i}`);
  return {
    insert: (vectors) => store.insertMany({ ids, vectors }),
    search: (vector, ef) => store.search({ vector, k: K, ef }).map(({ id }) => Number(id)),
    bytes: () => Object.values(store.stats().memory).reduce((a, b) => a + b),
  };
};

/** How each library is loaded, and how an index of it is opened. */
export const libraries = {
  vicino: async () => {
    const { default: init, VectorStore } = await import("vicino");
    await init();
    return opens(VectorStore);
  },
  "hnswlib-node": async () => {
    const { HierarchicalNSW } = (await import("hnswlib-node")).default;
    return (dimensions, n) => {
      const index = new HierarchicalNSW("cosine", dimensions);
      index.initIndex(n, 16, 200, 100);
      return {
        insert: each(dimensions, (vector, i) => index.addPoint(Array.from(vector), i)),
        search: (vector, ef) => {
          index.setEf(ef);
          return index.searchKnn(Array.from(vector), K).neighbors;
        },
      };
    };
  },
  "hnswlib-wasm": async () => {
    const { HierarchicalNSW } = await (await import("hnswlib-wasm")).loadHnswlib();
    return (dimensions, n) => {
      const index = new HierarchicalNSW("cosine", dimensions, "");
      index.initIndex(n, 16, 200, 100);
      return {
        insert: each(dimensions, (vector, i) => index.addPoint(vector, i, false)),
        search: (vector, ef) => {
          index.setEfSearch(ef);
          return index.searchKnn(vector, K, undefined).neighbors;
        },
      };
    };
  },
  edgevec: async () => {
    const { initSync, EdgeVec, EdgeVecConfig } = await import("edgevec");
    const { readFileSync } = await import("node:fs");
    initSync({ module: readFileSync("node_modules/edgevec/edgevec_bg.wasm") });
    return (dimensions, _, ef) => {
      const config = new EdgeVecConfig(dimensions);
      // By its "cosine" it gave the farthest; of unit vectors the nearest by "l2" are the same.
      Object.assign(config, { metric: "l2", m: 16, m0: 32, ef_construction: 200, ef_search: ef });
      const index = new EdgeVec(config);
      let first;
      return {
        insert: each(dimensions, (vector) => {
          const id = index.insert(vector);
          first ??= id;
        }),
        search: (vector) => index.search(vector, K).map(({ id }) => id - first),
      };
    };
  },
};

const each = (dimensions, insert) => (rows) => {
  for (let i = 0; i * dimensions < rows.length; i++) {
    insert(rows.subarray(i * dimensions, (i + 1) * dimensions), i);
  }
};
