// Browsers: `await init()` fetches the module once before the first use.
export * from "./dist/vicino.js";
export { default } from "./dist/vicino.js";
