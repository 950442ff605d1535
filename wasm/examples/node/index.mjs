// node index.mjs "which metals are there?": the lines of a text that are nearest to a question.
// The vectors here count pairs of letters; put the embedding model of your choice in their place.
import { readFile, writeFile } from "node:fs/promises";
import { VectorStore } from "vicino";

const lines = ["Copper and iron are metals.", "Oaks lose their leaves.", "Rivers flow to the sea."];

function embed(text) {
  const vector = new Float32Array(36 ** 2);
  const pairs = text.toLowerCase().matchAll(/(?=([a-z]{2}))/g);
  for (const [, pair] of pairs) vector[parseInt(pair, 36)]++;
  return vector;
}

const file = await readFile("lines.vcn").catch(() => undefined);
const store = file ? VectorStore.open(file) : new VectorStore({ dimensions: 36 ** 2 });
store.upsert(lines.map((content, i) => ({ id: `line-${i}`, vector: embed(content), content })));
await writeFile("lines.vcn", store.snapshot());

const question = process.argv[2] ?? "which metals are there?";
for (const { score, content } of store.search({ vector: embed(question), k: 2 })) {
  console.log(score.toFixed(3), content);
}
