// Where nothing can be fetched: the module is part of this file's code, a third larger for it.
import bytes from "./dist/bytes.js";
import { load, loadSync } from "./load.js";

loadSync(bytes);

export * from "./vicino.js";
export default load;
