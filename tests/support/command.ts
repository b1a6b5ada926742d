/** What a program left behind. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a real program and returns what it wrote. */
export async function runCommand(name: string, ...args: string[]): Promise<CommandResult> {
  const output = await new Deno.Command(name, { args, stdout: "piped", stderr: "piped" }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Runs the real Git on a bare repository; fails with its message unless it succeeds. */
export async function git(gitDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand("git", `--git-dir=${gitDir}`, ...args);
  if (code !== 0) throw new Error(`git ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}
