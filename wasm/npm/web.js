// Browsers: `await init()` fetches the module once before the first use.
export * from "./vicino.js";
export { load as default } from "./load.js";
