import { expect, test } from 'vitest';
import { packageDirectories } from './notices.ts';

test('finds each package once, with scoped and nested ones, and none for our own files', () => {
  const files = [
    'controller/main.ts',
    'node_modules/undici/index.js',
    'node_modules/undici/lib/api/index.js',
    'node_modules/@kubernetes/client-node/dist/index.js',
    'node_modules/@kubernetes/client-node/node_modules/ws/index.js',
  ];
  expect(packageDirectories(files)).toEqual([
    'node_modules/@kubernetes/client-node',
    'node_modules/@kubernetes/client-node/node_modules/ws',
    'node_modules/undici',
  ]);
});
