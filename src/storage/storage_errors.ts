import { UserError } from "../base/user_error.ts";

/** For reading what is not there. */
export function objectMissing(location: string): UserError {
  return new UserError(`There is no file ${location}`, {
    code: "object_missing",
    kind: "execution",
    hint: "it was removed, or the table was moved without its files",
  });
}

/** For writing what must be new and is not. */
export function objectExists(location: string): UserError {
  return new UserError(`There is a file ${location} already`, {
    code: "object_exists",
    kind: "execution",
    hint: "another process wrote it: run the command again",
  });
}
