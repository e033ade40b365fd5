import { expect } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import { documentTable } from '../../support/documenttable.ts';
import { conditionsTwice, eventsCell, toldSince } from '../../support/states/cells.ts';
import { rowOf } from '../../support/states/row.ts';
import { look, type Sight, type Subject, type Window } from '../../support/states/sight.ts';
import { connectionName, exportName, type Shop } from '../controller/shop.ts';
import { beforeDeletion, deleteExport, deletions, leftAtCriteo } from './deletions.ts';
import { awaitingRun, type Story } from './story.ts';

/** A table of docs/states.md: its heading, the kind that it is about, and how each of its rows is reached. */
export type StoryTable = [string, Subject['kind'], Record<string, Story>];

export interface Row {
  key: string;
  kind: Subject['kind'];
  story: Story;
  /** As the document has it. */
  wanted: string[] | undefined;
}

export function rowsOf(tables: readonly StoryTable[]): Row[] {
  return tables.flatMap(([heading, kind, stories]) => {
    const { rows } = documentTable('docs/states.md', heading);
    return Object.entries(stories).map(([name, story]) => ({
      key: `${heading}: ${name}`,
      kind,
      story,
      wanted: rows.get(name),
    }));
  });
}

export const nothingSeen: Sight = { object: undefined, events: [], samples: undefined };

/** Reaches states, each in the shop of its row, and tells what is seen of them. */
export class Teller {
  readonly #window: Window;
  readonly #shops: ReadonlyMap<string, Shop>;

  constructor(window: Window, shops: ReadonlyMap<string, Shop>) {
    this.#window = window;
    this.#shops = shops;
  }

  shop(key: string): Shop {
    const shop = this.#shops.get(key);
    if (!shop) throw new Error(`no shop for ${key}`);
    return shop;
  }

  /** The row that is seen. */
  async told(row: Row): Promise<string[]> {
    return await this.reached(row, await this.prepared(row));
  }

  /** Brings about what was there before; what is seen of it. */
  async prepared(row: Row): Promise<Sight> {
    if (row.story.fromTheBeginning) return nothingSeen;
    await (row.story.before ?? awaitingRun)(this.shop(row.key));
    // A run that was counted only later would look like one of the row.
    return await waitFor('the metrics of what was before', 60_000, async () => {
      const sight = await look(this.#window, this.#subject(row));
      const { object, samples } = sight;
      return samples === undefined || conditionsTwice(object, samples).areEqual ? sight : undefined;
    });
  }

  async reached(row: Row, before: Sight): Promise<string[]> {
    await row.story.reach(this.shop(row.key));
    return await rowOf(this.#window, this.#subject(row), { before, wanted: row.wanted });
  }

  /** The row of an export that was deleted: events, and what Criteo is left with. */
  async deleted(name: string): Promise<string[]> {
    const shop = this.shop(name);
    const subject: Subject = { kind: 'CriteoSegmentExport', name: exportName, namespace: shop.namespace };
    await beforeDeletion(shop, deletions[name] ?? { spec: {} });
    const before = await look(this.#window, subject);
    await deleteExport(shop);
    const [wanted = '-'] = documentTable('docs/states.md', 'When it is deleted').rows.get(name) ?? [];
    const events = async (): Promise<string> => {
      const sight = await look(this.#window, subject);
      expect(sight.samples, 'series of an export that is gone').toEqual([]);
      return eventsCell(toldSince(before.events, sight.events));
    };
    await expect.poll(events, { timeout: 60_000 }).toBe(wanted);
    return [wanted, leftAtCriteo(shop)];
  }

  #subject({ key, kind }: Row): Subject {
    const name = kind === 'CriteoConnection' ? connectionName : exportName;
    return { kind, name, namespace: this.shop(key).namespace };
  }
}
