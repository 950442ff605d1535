// What must compile where the package is required.
import vicino = require("../../../wasm/npm/index.cjs");
import init, { VectorStore, VicinoError, type Entry } from "../../../wasm/npm/index.cjs";
import type { VectorStore as Imported } from "vicino" with { "resolution-mode": "import" };

interface Doc {
  year: number;
}
void init();
void vicino.default();
const entry: Entry<Doc> = { vector: [1, 2], metadata: { year: 2020 } };
const store: VectorStore<Doc> = new VectorStore<Doc>({ dimensions: 2 });
store.insert(entry);
// @ts-expect-error
store.search({ vector: [1, 2], filter: { yaer: 1 } });
const year: number | undefined = store.search({ vector: [1, 2] })[0]?.metadata.year;
const error: unknown = vicino.distance("cosine", [1], [1]);
if (error instanceof VicinoError) error.code;

// One type, however it was come by.
const imported: Imported<Doc> = store;
class Larger extends vicino.VectorStore<Doc> {}
new Larger({ dimensions: 2 }).count();
export = { year, imported };
