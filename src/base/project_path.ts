import { isAbsolute, join, relative, sep } from "node:path";

/** A path below `root` in the form that is stored and shown: relative, with forward slashes. */
export function projectRelative(root: string, path: string): string {
  const result = relative(root, path);
  return sep === "/" ? result : result.replaceAll(sep, "/");
}

/**
 * The real absolute path of `path` (relative to `root`), or null when it leads
 * out of `root` by `..`, by being absolute or through a symbolic link.
 * A path that does not exist is judged by its nearest existing folder.
 */
export function resolveInside(root: string, path: string): string | null {
  const absolute = isAbsolute(path) ? path : join(root, path);
  const realRoot = Deno.realPathSync(root);
  if (!isBelow(root, absolute) && !isBelow(realRoot, absolute)) return null;
  let existing = absolute;
  let rest = "";
  for (;;) {
    try {
      const real = Deno.realPathSync(existing);
      return isBelow(realRoot, real) ? join(real, rest) : null;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
        throw error;
      }
      // A link that leads nowhere yet may lead anywhere later.
      if (isLink(existing)) return null;
      const parent = join(existing, "..");
      if (parent === existing) return null;
      rest = join(existing.slice(parent.length).replace(/^[\\/]+/, ""), rest);
      existing = parent;
    }
  }
}

/** True for a symbolic link, whether or not it leads anywhere; false for what is not there or cannot be. */
export function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
