export { bootId } from "./boot-id.ts";
export { makeFolder } from "./make-folder.ts";
export { startTimeOf } from "./start-time.ts";
