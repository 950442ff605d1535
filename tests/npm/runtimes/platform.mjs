// What the package has of its runtime beside the module: random bits, a clock, pauses and streams.

/** Fails where one of them is not as in other runtimes. */
export async function platform({ VectorStore }) {
  const store = new VectorStore({ dimensions: 2, metric: "euclidean" });
  const began = Date.now();
  const entry = (_, i) => ({ vector: [i, 1], content: `caf\u00e9 ${i}` });
  const entries = Array.from({ length: 1500 }, entry);
  const progress = [];
  const inserted = await store.insertInChunks(entries, {
    onProgress: (done, total) => progress.push([done, total]),
  });
  equal([inserted, progress.length > 1, ...progress.at(-1)], [1500, true, 1500, 1500], "chunks");

  const { id } = store.search({ vector: [7, 1], k: 1 })[0];
  equal(id.length, 36, "an id of its own");
  const { createdAt } = store.get(id);
  // Some runtimes stop the clock while they work.
  equal(createdAt >= began && createdAt <= Date.now(), true, `${createdAt} since ${began}`);

  const bytes = store.snapshot();
  const { length } = bytes;
  const streams = [
    ["the package's own", store.snapshotStream(), undefined],
    ["the package's own, of a length", store.snapshotStream(), { byteLength: length }],
    ["the runtime's", new Response(bytes).body, undefined],
    ["the runtime's, of a length", new Response(bytes).body, { byteLength: length }],
  ];
  for (const [name, stream, options] of streams) {
    const copy = await VectorStore.openStream(stream, options);
    equal(copy.get(id).content, "caf\u00e9 7", name);
    copy.dispose();
  }
  const collected = new Uint8Array(await new Response(store.snapshotStream()).arrayBuffer());
  equal(collected.length, length, "a stream as a body");
  store.dispose();
}

function equal(found, expected, what) {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: expected ${should}, found ${is}`);
}
