/** Opens a file the way the desktop opens it; where there is none nothing happens, the path was said already. */
export function openInBrowser(path: string): void {
  const [program, ...args] = Deno.build.os === "darwin"
    ? ["open"]
    : Deno.build.os === "windows"
    ? ["cmd", "/c", "start", ""]
    : ["xdg-open"];
  try {
    new Deno.Command(program!, {
      args: [...args, path],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn().unref();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
