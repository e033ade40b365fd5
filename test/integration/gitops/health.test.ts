import { expect, test } from 'vitest';
import { gitopsHealth, gitopsHealthProgram } from '../../support/gitopshealth.ts';

test('a health script that needs a library which Argo CD does not open fails here too', async () => {
  const program = await gitopsHealthProgram(console.log);
  const script = 'return { status = string.upper("healthy") }';
  await expect(gitopsHealth(program, [{ object: { kind: 'CriteoSegmentExport' }, script }])).rejects.toThrow(
    'nil',
  );
});
