// Node, and what resolves like it: the module is read from disk at once, so nothing is awaited.
import { readFileSync } from "node:fs";
import init, { initSync } from "./dist/vicino.js";

initSync({ module: readFileSync(new URL("./dist/vicino_bg.wasm", import.meta.url)) });

export * from "./dist/vicino.js";
export default init;
