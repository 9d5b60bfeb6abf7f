/**
 * Data sets: conversations with images, read a row at a time from JSON lines, JSON lists and parquet.
 *
 * @module
 */
export * from "./dataset.ts";
export { type BadRowReason, DatasetError, type DatasetErrorOptions } from "./dataset_error.ts";
export { type JsonDatasetOptions, openJsonDataset } from "./json_dataset.ts";
export { openDataset, type OpenDatasetOptions } from "./open.ts";
export { openParquetDataset, type ParquetDatasetOptions } from "./parquet.ts";
export { blobAccess, bytesAccess, type RandomAccess } from "./random_access.ts";
export * from "./batch.ts";
export * from "./epoch_order.ts";
export * from "./feature_cache.ts";
export * from "./loader.ts";
export * from "./sample.ts";
export { isPlaceholderImage } from "./text_only.ts";
