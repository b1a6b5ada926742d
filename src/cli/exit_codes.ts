import type { ErrorKind } from "../base/user_error.ts";

/** Everything went well. */
export const EXIT_DONE = 0;
/** A bug in seeknal. */
export const EXIT_UNEXPECTED = 1;
/** With `--detailed-exitcode`: there is something to do, or a difference. */
export const EXIT_CHANGES = 2;
/** A node failed, a plan was stale, somebody was faster. */
export const EXIT_EXECUTION = 4;
/** The user stopped it. */
export const EXIT_INTERRUPTED = 130;

/** Exit codes by kind of error. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  validation: 3,
  execution: EXIT_EXECUTION,
  dependency: 5,
  security: 6,
  interrupted: EXIT_INTERRUPTED,
};
