import { Ajv } from 'ajv';
import { type Behaviour, behaviourSchema, type Client } from './options.ts';

/** A segment that somebody else made. Default type ContactList. */
export type ForeignSegment = {
  advertiserId: string;
  name: string;
  description?: string;
  type?: string;
  readOnly?: boolean;
  /** E-mail addresses or digests of them. */
  identifiers?: string[];
};

/** Members that somebody else adds (the default) or removes. */
export type ForeignMembers = { segmentId: string; identifiers: string[]; operation?: 'add' | 'remove' };

/** What somebody changes about a segment by hand. */
export type ByHand = { name?: string; description?: string | null; readOnly?: boolean };

const strings = { type: 'array', items: { type: 'string' } };
const ajv = new Ajv();
const schemas = {
  behaviour: ajv.compile<Partial<Behaviour>>(behaviourSchema),
  segment: ajv.compile<ForeignSegment>({
    type: 'object',
    additionalProperties: false,
    required: ['advertiserId', 'name'],
    properties: {
      advertiserId: { type: 'string' },
      name: { type: 'string' },
      description: { type: 'string' },
      type: {
        enum: [
          'Unknown',
          'InMarket',
          'Prospecting',
          'ContactList',
          'Location',
          'Behavioral',
          'Retargeting',
          'Lookalike',
        ],
      },
      readOnly: { type: 'boolean' },
      identifiers: strings,
    },
  }),
  members: ajv.compile<ForeignMembers>({
    type: 'object',
    additionalProperties: false,
    required: ['segmentId', 'identifiers'],
    properties: {
      segmentId: { type: 'string' },
      identifiers: strings,
      operation: { enum: ['add', 'remove'] },
    },
  }),
  byHand: ajv.compile<ByHand>({
    type: 'object',
    additionalProperties: false,
    properties: {
      name: { type: 'string' },
      description: { type: 'string', nullable: true },
      readOnly: { type: 'boolean' },
    },
  }),
  client: ajv.compile<Client>({
    type: 'object',
    additionalProperties: false,
    required: ['clientId', 'clientSecret', 'advertisers'],
    properties: {
      clientId: { type: 'string', minLength: 1 },
      clientSecret: { type: 'string', minLength: 1 },
      advertisers: {
        type: 'array',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['id', 'name'],
          properties: { id: { type: 'string', pattern: '^\\d+$' }, name: { type: 'string' } },
        },
      },
      permissions: {
        type: 'array',
        items: { enum: ['MarketingSolutions_Audience_Read', 'MarketingSolutions_Audience_Manage'] },
      },
    },
  }),
};

/** Returns `value` when it is what its kind needs to be; throws an Error that names the field when not. */
export function checked<Value>(kind: keyof typeof schemas, value: Value): Value {
  const validate = schemas[kind];
  if (!validate(value))
    throw new Error(`not a ${kind}: ${ajv.errorsText(validate.errors, { dataVar: kind })}`);
  return value;
}
