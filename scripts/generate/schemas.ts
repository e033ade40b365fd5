import { type Crd, schemaOf } from './crd.ts';

/** The module that holds each kind's schema as a constant, so that programs bundle it and read no files. */
export function schemasModule(crds: readonly Crd[], banner: string): string {
  const constants = crds.map((crd) => {
    const { kind } = crd.spec.names;
    const name = `${kind.charAt(0).toLowerCase()}${kind.slice(1)}Schema`;
    const json = JSON.stringify(withoutDescriptions(schemaOf(crd)), undefined, 2);
    return `/** The openAPIV3Schema of ${kind}, without its descriptions. */\nexport const ${name} = ${json} as const;\n`;
  });
  return `${banner}\n${constants.join('\n')}`;
}

/** Drops `description` where it is documentation: a field may be called so too. */
function withoutDescriptions(value: unknown, isPropertyMap = false): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutDescriptions(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => isPropertyMap || key !== 'description');
  return Object.fromEntries(
    entries.map(([key, child]) => [key, withoutDescriptions(child, !isPropertyMap && key === 'properties')]),
  );
}
