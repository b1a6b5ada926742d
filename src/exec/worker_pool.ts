import type { CheckJob, CheckJobResult, NodeJob, NodeResult } from "../model/run.ts";
import { openScriptChannel } from "./script_channel.ts";
import type { FromWorker, ToWorker, WorkerLog, WorkerShare } from "./worker_messages.ts";

interface Member {
  readonly worker: Worker;
  /** Resolves the job it is busy with; null while idle. */
  settle: ((result: Answer) => void) | null;
  /** Takes what the script of its job says. */
  log: (message: string) => void;
  /** The worker of the script that its job runs; null while there is none. */
  script: Worker | null;
}

type Answer = Exclude<FromWorker, WorkerLog>;

interface Waiting {
  readonly message: ToWorker;
  readonly settle: (result: Answer) => void;
  readonly log: (message: string) => void;
}

const IGNORE = () => {};

/** A fixed number of Deno workers, started when first needed and reused for every job after that. */
export class WorkerPool implements Disposable {
  readonly #size: number;
  readonly #share: WorkerShare;
  readonly #members: Member[] = [];
  readonly #waiting: Waiting[] = [];

  constructor(size: number, share: WorkerShare) {
    this.#size = size;
    this.#share = share;
  }

  /** Starts up to `count` workers now: loading the engine takes as long as a dozen small nodes. */
  warmUp(count: number): void {
    while (this.#members.length < count && this.#start() !== null);
  }

  /** Builds a node in the next free worker. Never rejects. */
  async run(job: NodeJob, log: (message: string) => void = IGNORE): Promise<NodeResult> {
    return await this.#ask({ type: "job", job }, log) as NodeResult;
  }

  /** Checks an output in the next free worker. Never rejects. */
  async check(job: CheckJob): Promise<CheckJobResult> {
    return await this.#ask({ type: "check", job }) as CheckJobResult;
  }

  /** Ends the scripts that are running: their nodes fail. Everything else goes on. */
  stopScripts(): void {
    for (const member of this.#members) this.#post(member, { type: "stop", message: "Stopped" });
  }

  /** Ends all workers at once; what they were doing is lost. */
  [Symbol.dispose](): void {
    for (const { worker, script } of this.#members) {
      script?.terminate();
      worker.terminate();
    }
    this.#members.length = 0;
  }

  #ask(message: ToWorker, log: (message: string) => void = IGNORE): Promise<Answer> {
    return new Promise((settle) => {
      this.#waiting.push({ message, settle, log });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const member = this.#members.find(({ settle }) => settle === null) ?? this.#start();
      if (member === null) return;
      const { message, settle, log } = this.#waiting.shift()!;
      member.settle = settle;
      member.log = log;
      this.#post(member, message, this.#openScript(member, message));
    }
  }

  /** The line to the worker of a script, for a job that needs one. */
  #openScript(member: Member, message: ToWorker): MessagePort[] {
    if (message.type !== "job" || message.job.type !== "script") return [];
    if (message.job.language !== "typescript") return [];
    const { worker, port } = openScriptChannel(
      message.job,
      (error) => this.#post(member, { type: "stop", message: error }),
    );
    member.script = worker;
    return [port];
  }

  #start(): Member | null {
    if (this.#members.length >= this.#size) return null;
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const member: Member = { worker, settle: null, log: IGNORE, script: null };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.status === "log") member.log(data.message);
      else this.#finish(member, data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (!this.#members.includes(member)) return;
      this.#members.splice(this.#members.indexOf(member), 1);
      worker.terminate();
      const message = `The worker stopped: ${event.message}`;
      this.#finish(member, { status: "failed", error: { message, transient: true } });
    };
    this.#post(member, { type: "start", share: this.#share });
    this.#members.push(member);
    return member;
  }

  #post(member: Member, message: ToWorker, ports: MessagePort[] = []): void {
    member.worker.postMessage(message, ports);
  }

  #finish(member: Member, result: Answer): void {
    const { settle, script } = member;
    member.settle = null;
    script?.terminate();
    member.script = null;
    settle?.(result);
    this.#dispatch();
  }
}
