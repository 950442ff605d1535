// Deno: the module is imported like code, which takes no permission to read files.
import source module from "./dist/vicino_bg.wasm";
import { load, loadSync } from "./load.js";

loadSync(module);

export * from "./vicino.js";
export default load;
