// The entry that carries the module in its script has what all have.
export * from "./index.js";
export { default } from "./index.js";
