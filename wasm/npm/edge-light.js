// Vercel's edge runtime: it compiles nothing at run time; `?module` has the build do it before.
import module from "./dist/vicino_bg.wasm?module";
import { load, loadSync, place } from "./load.js";

// As in workerd: an isolate has 128 MiB for this memory and JavaScript's together.
place.memoryLimit = 96 << 20;
loadSync(module);

export * from "./vicino.js";
export default load;
