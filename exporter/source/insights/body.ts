import { Fault } from '../../fault.ts';

/** Five thousand rows are some 2 MB; those of people who are in hundreds of segments are more. */
const maxBytes = 64 * 1024 * 1024;
const firstBytes = 64 * 1024;

/** Memory for the body of a reply, used again for the next one: bodies are read by the gigabyte. */
export class Body {
  #memory = Buffer.alloc(0);
  #length = 0;

  /** What was read last; good until the next is read. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /** @throws Fault SourceReplyInvalid (code `reply-too-large`); and the stream's errors. */
  async read(chunks: AsyncIterable<Buffer>): Promise<void> {
    this.#length = 0;
    for await (const chunk of chunks) {
      const length = this.#length + chunk.length;
      if (length > maxBytes) throw new Fault('SourceReplyInvalid', { code: 'reply-too-large' });
      if (length > this.#memory.length) this.#grow(length);
      this.#memory.set(chunk, this.#length);
      this.#length = length;
    }
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(firstBytes, length))));
    larger.set(this.bytes);
    this.#memory = larger;
  }
}
