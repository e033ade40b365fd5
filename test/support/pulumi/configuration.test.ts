import { expect, test } from 'vitest';
import { configurationOf, type Project } from './configuration.ts';

const project: Project = {
  name: 'shop',
  main: 'index.ts',
  runtime: { name: 'nodejs', options: { typescript: false } },
  config: {
    image: { type: 'string', description: 'The image' },
    replicas: { type: 'integer', description: 'How many', default: 2 },
    namespaces: { type: 'array', items: { type: 'string' }, description: 'Which', default: [] },
  },
};

test('the stack comes before the defaults, and what is not declared is passed on', () => {
  const values = { image: 'a', 'shop:replicas': '3', 'kubernetes:context': 'dev', word: true };
  expect(configurationOf(project, 'dev', values)).toEqual({
    'shop:image': 'a',
    'shop:replicas': '3',
    'shop:namespaces': '[]',
    'shop:word': 'true',
    'kubernetes:context': 'dev',
  });
});

test('a setting of a provider is passed on, and the stack comes before it', () => {
  const config = { 'kubernetes:enableSecretMutable': { value: true } };
  const passed = (values: Record<string, unknown>): unknown =>
    configurationOf({ ...project, config }, 'dev', values)['kubernetes:enableSecretMutable'];
  expect(passed({})).toBe('true');
  expect(passed({ 'kubernetes:enableSecretMutable': false })).toBe('false');
});

test('what is missing, or of another type, is refused', () => {
  expect(() => configurationOf(project, 'dev', {})).toThrow(
    "Stack 'dev' is missing configuration value 'image'",
  );
  expect(() => configurationOf(project, 'dev', { image: 'a', replicas: 'two' })).toThrow(
    "Stack 'dev' with configuration key 'replicas' must be of type 'integer'",
  );
  expect(() => configurationOf(project, 'dev', { image: 'a', namespaces: 'shop' })).toThrow(
    "Stack 'dev' with configuration key 'namespaces' must be of type 'array<string>'",
  );
});
