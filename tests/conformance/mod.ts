/**
 * What every implementation of a contract must keep. It needs no test runner: everything throws an error that says what
 * is wrong.
 *
 * A plugin, an encoder, a projector and a decoder each have one check, to be given the part at a small size and a
 * backend to run it on. A backend has many cases: give each of `kernelCases` and `programCases` to `compareBackends`,
 * each of `workedExamples` to `checkExample`, and call `check` of each of `contractCases`.
 *
 * @example An encoder of one's own
 * ```ts ignore
 * import { createReferenceBackend } from "@minimind/v/engine";
 * import { checkEncoder, checkPlugin } from "@minimind/v/testing";
 * import plugin from "./my_encoder.ts";
 *
 * Deno.test("my encoder keeps the contract", async () => {
 *   checkPlugin(plugin);
 *   await checkEncoder(await plugin.create({ size: 32 }, context), createReferenceBackend());
 * });
 * ```
 *
 * @module
 */
export { type ContractCase, contractCases } from "./backend_cases.ts";
export { type BackendCase, CaseGraph, type KernelCase } from "./case.ts";
export { checkDecoder } from "./check_decoder.ts";
export { checkEncoder } from "./check_encoder.ts";
export { checkPlugin, type PluginCheckOptions } from "./check_plugin.ts";
export { checkProjector } from "./check_projector.ts";
export { checkExample, compareBackends, type CompareOptions } from "./check_backend.ts";
export { kernelCases, kernelNames } from "./kernel_cases.ts";
export { type PartCheckOptions } from "./part_run.ts";
export { programCases } from "./program_cases.ts";
export { type WorkedExample, workedExamples } from "./worked_examples.ts";
