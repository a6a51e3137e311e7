// A process that fetches one file: node --import ./typescript-loader.mjs download-sample.ts '{"url": …}'
import { downloadFile, type RemoteFile } from "../../src/models/download.js";

const file = JSON.parse(process.argv[2]!) as RemoteFile;
const retry = { attempts: 3, firstDelay: 0, maxDelay: 0, stallTimeout: 30 };
process.send?.({ started: true });
await downloadFile(file, {
  token: undefined,
  retry,
  onProgress: (received) => void process.send?.({ received }),
});
process.disconnect?.();
