import { request } from 'undici';
import { NodeChild } from './childprocess.ts';

/** No node pulls it; its form is what the flag asks for. */
export const exporterImage = `registry.example/criteo-segment-export@sha256:${'0'.repeat(64)}`;

const servesAt = /"msg":"serving[^\n]*"port":(\d+)/;

export interface ControllerOptions {
  /** The controller as one file. */
  program: string;
  kubeconfig: string;
  /** Flags beside --kubeconfig, --health-port and --exporter-image. */
  flags: readonly string[];
  environment?: Record<string, string>;
}

/** The controller as a process of its own. */
export class ControllerProcess implements AsyncDisposable {
  readonly #child: NodeChild;

  constructor(options: ControllerOptions) {
    const { program, kubeconfig, flags, environment = {} } = options;
    const own = ['--kubeconfig', kubeconfig, '--health-port', '0', '--exporter-image', exporterImage];
    this.#child = new NodeChild(program, [...own, ...flags], environment);
  }

  get output(): string {
    return this.#child.output;
  }

  /** Resolves when its caches are filled. */
  watches(): Promise<void> {
    return this.#child.said(/caches are filled/);
  }

  /** Resolves when it leads, which without leader election is when its caches are filled. */
  leads(): Promise<void> {
    return this.#child.said(/"msg":"leading"/);
  }

  /** Of /healthz, /readyz and /metrics, on 127.0.0.1; resolves when it listens. */
  async port(): Promise<number> {
    await this.#child.said(servesAt);
    return Number(servesAt.exec(this.output)?.[1]);
  }

  /** Resolves with what its /metrics shows now. */
  async metrics(): Promise<string> {
    const { statusCode, body } = await request(`http://127.0.0.1:${await this.port()}/metrics`);
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`/metrics: ${statusCode} ${text}`);
    return text;
  }

  said(pattern: RegExp): Promise<void> {
    return this.#child.said(pattern);
  }

  /** Its exit code, null after SIGKILL. */
  get ended(): Promise<number | null> {
    return this.#child.ended;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.signal(name);
  }

  /** As a node that fails: without a chance to say goodbye. */
  async kill(): Promise<void> {
    this.#child.signal('SIGKILL');
    await this.#child.ended;
  }

  /** As Kubernetes ends a pod; its exit code. */
  async stop(): Promise<number | null> {
    this.#child.signal('SIGTERM');
    return await this.#child.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
