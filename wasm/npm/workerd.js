// Cloudflare's workerd: it compiles nothing at run time, so wrangler puts the module in the upload.
import module from "./dist/vicino_bg.wasm";
import { load, loadSync, place } from "./load.js";

// An isolate has 128 MiB for this memory and JavaScript's together.
place.memoryLimit = 96 << 20;
loadSync(module);

export * from "./vicino.js";
export default load;
