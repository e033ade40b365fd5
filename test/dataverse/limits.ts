import type { Behaviour } from './options.ts';
import { apiFailure, protectionMessages } from './problem.ts';

type User = { times: number[]; underWay: number; waitFrom: number; waitUntil: number };

// A request may have been on its way when the 429 was; and clocks and timers are not exact.
const onItsWay = 250;
const timerSlack = 50;

/** The service protection limits of one sandbox, which plays one web server. */
export class ServiceProtection {
  readonly #users = new Map<string, User>();

  #user(clientId: string): User {
    const known = this.#users.get(clientId);
    if (known !== undefined) return known;
    const user = { times: [], underWay: 0, waitFrom: 0, waitUntil: 0 };
    this.#users.set(clientId, user);
    return user;
  }

  /** Counts a request, or throws the documented 429. */
  admit(clientId: string, behaviour: Behaviour, now: number): void {
    const { requestsPerWindow, windowSeconds, maxConcurrent } = behaviour;
    const user = this.#user(clientId);
    if (maxConcurrent > 0 && user.underWay >= maxConcurrent) throw tooMany('0x80072326', 1);
    const start = now - windowSeconds * 1000;
    while ((user.times[0] ?? now) <= start) user.times.shift();
    if (requestsPerWindow > 0 && user.times.length >= requestsPerWindow) {
      const oldest = user.times[0] ?? now;
      throw tooMany('0x80072322', Math.max(1, Math.ceil((oldest - start) / 1000)));
    }
    user.times.push(now);
  }

  remaining(clientId: string, { requestsPerWindow }: Behaviour): number {
    return Math.max(0, requestsPerWindow - this.#user(clientId).times.length);
  }

  enter(clientId: string): () => void {
    const user = this.#user(clientId);
    user.underWay += 1;
    return () => {
      user.underWay -= 1;
    };
  }

  /** Remembers that a user was told to wait. */
  tellToWait(clientId: string, seconds: number, now: number): void {
    const user = this.#user(clientId);
    user.waitFrom = now + onItsWay;
    user.waitUntil = Math.max(user.waitUntil, now + seconds * 1000 - timerSlack);
  }

  /** Whether a request comes although its user was told to wait. */
  isTooEarly(clientId: string, now: number): boolean {
    const { waitFrom, waitUntil } = this.#user(clientId);
    return now > waitFrom && now < waitUntil;
  }
}

function tooMany(code: string, retryAfterSeconds: number): Error {
  const headers = { 'retry-after': String(retryAfterSeconds) };
  return apiFailure(429, code, protectionMessages[code] ?? '', { headers });
}
