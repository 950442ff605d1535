// Memory that ends: what is refused is refused by name, and nothing is lost by it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

/** What a task gives in a module of so many megabytes. */
function capped(task, megabytes, more) {
  const workerData = { task, pages: megabytes * 16, ...more };
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("capped.mjs", import.meta.url), { workerData });
    worker.once("message", resolve).once("error", reject);
  });
}

test("where memory.grow is refused, inserts are, and everything else goes on", async () => {
  const { codes, count } = await capped("fill", 24, { dimensions: 64 });
  assert.deepEqual(codes, ["out_of_memory"]);
  assert.ok(count > 10_000, `${count}`);
});

// The whole, 50,000 x 384 in 128 MB, takes a minute: `FULL=1 node --test memory.test.mjs`. There
// the module has what JavaScript leaves it, 16 MB of a piece on its way and as much of a heap.
const [count, dimensions, megabytes] = process.env.FULL ? [50_000, 384, 96] : [6000, 128, 12];
for (const exact of ["none", "f16"]) {
  test(`${count} x ${dimensions}, exact: ${exact}, live in ${megabytes} MB`, async () => {
    const life = await capped("life", megabytes, { count, dimensions, exact });
    assert.equal(life.count, count + 1024);
    assert.deepEqual(life.after, life.before);
    console.log(`${life.bytes} bytes, ${life.byteLength} in the snapshot`);
  });
}
