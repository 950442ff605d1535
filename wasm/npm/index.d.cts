// The same for `require`: the types are those of `index.d.ts`, so that what either gives fits both.
import type * as vicino from "./index.js" with { "resolution-mode": "import" };

export type {
  AbortSignalLike,
  BatchResults,
  ByteStream,
  ChunkOptions,
  Entry,
  EntryBatch,
  ErrorCode,
  Explain,
  Filter,
  IdOrKey,
  JsonObject,
  JsonValue,
  Key,
  ListOptions,
  Maintenance,
  MemoryStats,
  Metadata,
  MetadataOf,
  MetadataPatch,
  Metric,
  Mmr,
  ModelInfo,
  ModuleSource,
  OpenOptions,
  Operators,
  Page,
  Query,
  QueryBatch,
  RecallOptions,
  ScopeExplain,
  ScopeLimits,
  ScopeName,
  ScopeOption,
  ScopeStats,
  SearchResult,
  Selection,
  SnapshotOptions,
  StoreConfig,
  StoreOptions,
  StoreStats,
  StoredEntry,
  TimeRange,
  TuneOptions,
  Vector,
  Way,
} from "./index.js" with { "resolution-mode": "import" };

declare const init: typeof vicino.default;
export default init;

export declare const VectorStore: typeof vicino.VectorStore;
export type VectorStore<M extends vicino.MetadataOf<M> = vicino.Metadata> = vicino.VectorStore<M>;

export declare const ScopedStore: typeof vicino.ScopedStore;
export type ScopedStore<M extends vicino.MetadataOf<M> = vicino.Metadata> = vicino.ScopedStore<M>;

export declare const DimensionRouter: typeof vicino.DimensionRouter;
export type DimensionRouter<M extends vicino.MetadataOf<M> = vicino.Metadata> =
  vicino.DimensionRouter<M>;

export declare const VicinoError: typeof vicino.VicinoError;
export type VicinoError = vicino.VicinoError;

export declare const distance: typeof vicino.distance;
export declare const models: typeof vicino.models;
export declare const truncate: typeof vicino.truncate;
export declare const version: typeof vicino.version;
