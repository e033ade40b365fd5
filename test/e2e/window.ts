import { defaultOptions } from '../../deploy/options.ts';
import type { Ground } from '../support/stack.ts';
import type { Window } from '../support/states/sight.ts';

/** What is seen of a cluster with the controller installed. */
export function windowOf({ kubectl }: Ground): Window {
  const { namespace } = defaultOptions;
  return {
    read: async (path) => {
      try {
        return JSON.parse(await kubectl(['get', '--raw', path])) as object;
      } catch (error) {
        if (String(error).includes('NotFound')) return undefined;
        throw error;
      }
    },
    kubectl,
    // Only the leader tells of exports; one that is starting does not answer yet.
    metrics: async () => {
      const names = await kubectl(['get', 'pods', '--namespace', namespace, '--output=name']);
      const pages = names
        .trim()
        .split('\n')
        .map((name) => `/api/v1/namespaces/${namespace}/pods/${name.replace('pod/', '')}:8081/proxy/metrics`)
        .map((path) => kubectl(['get', '--raw', path]).catch(() => ''));
      return (await Promise.all(pages)).join('\n');
    },
  };
}
