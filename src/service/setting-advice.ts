import { nearest } from "../config/nearest.js";
import { settingVariables } from "./settings.js";

/** Beginnings of names that are the server's. */
const OURS = /^((SERVER|MODEL|GRPC_MAX|LOGGING|RECORDINGS|JOBS|WEBHOOK)_|HTTP_(ALLOW|WITHOUT))/;
/** Kubernetes tells pods about Services named `server` or `http` by names of ours: SERVER_PORT, SERVER_SERVICE_HOST, … */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$/;
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\/[^/]+:\d+$/i;

/** Whether a variable holds the address of a Service, which Kubernetes has put there, rather than a setting. */
export function isServiceLink(variable: string, value: string | undefined): boolean {
  return /^(SERVER_|HTTP_|SERVER_HTTP_)PORT$/.test(variable) && SERVICE_ADDRESS.test(value?.trim() ?? "");
}

/** What is in the environment by names like ours and is no setting, each with what was probably meant. */
export function settingAdvice(variables: Readonly<Record<string, string | undefined>>): string[] {
  const known = settingVariables();
  const advice: string[] = [];
  for (const [name, value] of Object.entries(variables)) {
    if (isServiceLink(name, value)) {
      advice.push(
        `${name}=${value} is not used: Kubernetes sets it for a Service of that name. Set ${name} to a number, or ` +
          "enableServiceLinks: false in the pod",
      );
    } else if (OURS.test(name) && !known.includes(name) && !SERVICE_LINK.test(name)) {
      const meant = nearest(name, known);
      advice.push(`${name} is no setting of the server${meant ? ` (did you mean ${meant}?)` : ""}`);
    }
  }
  return advice;
}
