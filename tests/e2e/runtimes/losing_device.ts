/**
 * The command line on a device that is lost as soon as `lose` is said on stdin: its arguments are those of the command.
 *
 * @module
 */
import { run } from "../../../cli/main.ts";

const devices: GPUDevice[] = [];
const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  devices.push(device);
  return device;
};

async function listen(): Promise<void> {
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    if (text === "lose\n") devices.at(-1)?.destroy();
  }
}

listen();
Deno.exit(await run(Deno.args));
