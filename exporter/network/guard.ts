import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import { Fault } from '../fault.ts';
import { isLocalAddress } from './localaddress.ts';

/** What a source says that leads to the pod or its node. */
export function localAddressFault(): Fault {
  return new Fault('SourceForbidden', { code: 'local-address' });
}

/**
 * Looks a name up for the connection that is about to be made, so that no second answer can be another one.
 * A name with any local address is refused. Addresses themselves are never looked up: see `refuseLocal`.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, '');
    if (addresses.some(({ address }) => isLocalAddress(address))) return callback(localAddressFault(), '');
    if (options.all) return callback(null, addresses);
    const [first] = addresses;
    callback(null, first?.address ?? '', first?.family);
  });
};

/** @throws Fault SourceForbidden where the host is a local address, without brackets. */
export function refuseLocal(host: string): void {
  if (isLocalAddress(host)) throw localAddressFault();
}

/** Refuses URLs whose host is a local address, in whatever way it is written, also where a proxy would connect. */
export function refusesLocalUrls(dispatch: Dispatcher['dispatch']): Dispatcher['dispatch'] {
  return (options, handler) => {
    refuseLocal(new URL(options.origin ?? '').hostname.replace(/^\[(.*)\]$/, '$1'));
    return dispatch(options, handler);
  };
}
