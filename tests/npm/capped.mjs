// A store in a module whose memory ends early, in a thread of its own: there is one module a
// thread. `memory.test.mjs` says what is to be done, and asks what came of it.
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import init, { VectorStore, VicinoError } from "../../wasm/npm/web.js";

const module = readFileSync(new URL("../../wasm/npm/dist/vicino_bg.wasm", import.meta.url));
const { pages, task } = workerData;
await init(capped(module, pages));
parentPort.postMessage(await { fill, life }[task](workerData));

/** The module with another section of memories: one that ends at so many pages of 64 KiB. */
function capped(module, pages) {
  for (let at = 8; at < module.length; ) {
    const [length, start] = number(module, at + 1);
    if (module[at] === 5) {
      const [least] = number(module, start + 2);
      const memory = [1, 1, ...digits(least), ...digits(pages)];
      const section = Uint8Array.of(5, ...digits(memory.length), ...memory);
      return Buffer.concat([module.subarray(0, at), section, module.subarray(start + length)]);
    }
    at = start + length;
  }
  throw new Error("the module has no memory");
}

/** A number of the binary format, and what is behind it. */
function number(bytes, at) {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

function digits(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...digits(value >>> 7)];
}

function batch(from, count, dimensions) {
  const value = (_, i) => Math.sin((from + 1) * 1e4 + i * i);
  return {
    ids: Array.from({ length: count }, (_, i) => String(from + i)),
    vectors: Float32Array.from({ length: count * dimensions }, value),
  };
}

/** Inserts until there is no memory, makes some, and goes on. */
function fill({ dimensions }) {
  const store = new VectorStore({ dimensions, promotionSize: 1000 });
  const codes = [];
  let count = 0;
  for (let round = 0; round < 3; round++) {
    for (let size = 512; size >= 1; ) {
      try {
        count += store.insertMany(batch(count, size, dimensions));
      } catch (error) {
        if (!(error instanceof VicinoError)) throw error;
        codes.push(error.code);
        size >>= 1;
      }
    }
    // What was refused has changed nothing, and searches go on.
    const { vectors } = batch(0, 1, dimensions);
    if (store.count() !== count) throw new Error(`${store.count()} instead of ${count}`);
    if (store.search({ vector: vectors, k: 1, includeVector: true })[0].id !== "0") {
      throw new Error("the nearest is another");
    }
    for (let gone = count - 600; gone < count; gone++) store.delete(String(gone));
    count -= 600;
    while (!store.maintain().finished);
  }
  return { codes: [...new Set(codes)], count };
}

/** A store that grows, goes out as a stream and comes in from one. */
async function life({ count, dimensions, exact }) {
  let store = new VectorStore({ dimensions, exact });
  for (let at = 0; at < count; at += 1024) {
    store.insertMany(batch(at, Math.min(1024, count - at), dimensions));
  }
  const { vectors } = batch(0, 1, dimensions);
  const [before] = store.search({ vector: vectors, k: 1 });
  // As a place outside this module keeps it.
  const chunks = [];
  for await (const chunk of store.snapshotStream()) chunks.push(Buffer.from(chunk));
  const byteLength = chunks.reduce((sum, { length }) => sum + length, 0);
  const bytes = Object.values(store.stats().memory).reduce((a, b) => a + b);
  store.dispose();
  store = await VectorStore.openStream(ReadableStream.from(chunks), { byteLength });
  const [after] = store.search({ vector: vectors, k: 1 });
  store.insertMany(batch(count, 1024, dimensions));
  return { before, after, count: store.count(), byteLength, bytes };
}
