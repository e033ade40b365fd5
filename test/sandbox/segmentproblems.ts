import type { ProblemSeed } from './problem.ts';

/** The field of a create call that picks each type of segment. */
export const typeOfKey: Record<string, string> = {
  contactList: 'ContactList',
  inMarket: 'InMarket',
  location: 'Location',
  lookalike: 'Lookalike',
  prospecting: 'Prospecting',
  retargeting: 'Retargeting',
};

export const emptyName: ProblemSeed = {
  type: 'validation',
  code: 'name-must-not-be-empty',
  title: 'Segment name must not be empty',
  detail: 'Give the segment a name.',
};
export const noType: ProblemSeed = {
  type: 'validation',
  code: 'required-field',
  title: 'Segment type is missing',
  detail: `Give exactly one of ${Object.keys(typeOfKey).join(', ')}.`,
};
export const notComputable: ProblemSeed = {
  type: 'validation',
  code: 'segment-type-not-supported',
  title: 'Segment type is not supported',
  detail: 'The size of this type of segment cannot be computed.',
};

export function duplicateName(name: string): ProblemSeed {
  return {
    type: 'validation',
    code: 'name-must-be-unique',
    title: 'Segment name must be unique',
    detail: `Another Segment exists with the name: ${name}`,
  };
}

export function notFound(id: string | undefined): ProblemSeed {
  return {
    type: 'validation',
    code: 'segment-not-found',
    title: 'Segment not found',
    detail: `There is no segment ${id ?? 'without an id'}.`,
  };
}
