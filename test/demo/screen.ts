/** What the demo prints: numbered steps, and commands with what they answered, as a user would see them. */
export class Screen {
  readonly #startedAt = performance.now();
  readonly #steps: number;
  #step = 0;

  constructor(steps: number) {
    this.#steps = steps;
  }

  step(title: string): void {
    this.#step += 1;
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(0);
    console.log(`\n[${this.#step}/${this.#steps}] ${title}  (${seconds} s)`);
  }

  line(text: string): void {
    console.log(`    ${text}`);
  }

  command(command: string, output: string): void {
    console.log(`    $ ${command.replaceAll('\n', '\n      ')}`);
    for (const line of output.trimEnd().split('\n')) console.log(`      ${line}`);
  }
}
