// Node, and what resolves like it: the module is read from disk at once, so nothing is awaited.
import { readFileSync } from "node:fs";
import { load, loadSync } from "./load.js";

loadSync(readFileSync(new URL("./dist/vicino_bg.wasm", import.meta.url)));

export * from "./vicino.js";
export default load;
