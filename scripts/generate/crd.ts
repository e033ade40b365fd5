import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** One rule in CEL, as `x-kubernetes-validations` holds it. */
export interface Rule {
  rule: string;
  message?: string;
  fieldPath?: string;
}

/** A node of an openAPIV3Schema, as far as the two CRDs use it. */
export interface Schema {
  type?: string;
  format?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-validations'?: Rule[];
}

export interface PrinterColumn {
  name: string;
  type: string;
  jsonPath: string;
  priority?: number;
  description?: string;
}

export interface Crd {
  metadata: { name: string };
  spec: {
    group: string;
    names: { kind: string; plural: string; shortNames: string[]; categories: string[] };
    versions: {
      name: string;
      additionalPrinterColumns: PrinterColumn[];
      schema: { openAPIV3Schema: Schema };
    }[];
  };
}

export const crdFiles = [
  'crds/criteoconnections.segmentexport.io.yaml',
  'crds/criteosegmentexports.segmentexport.io.yaml',
] as const;

/** Reads a CRD by its path from the root of the project. Anchors are resolved. */
export function readCrd(path: string): Crd {
  return parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'), { maxAliasCount: -1 });
}

/** The schema of the CRD's only version. */
export function schemaOf(crd: Crd): Schema {
  const [version, ...others] = crd.spec.versions;
  if (!version || others.length > 0) throw new Error(`${crd.metadata.name}: expected exactly one version`);
  return version.schema.openAPIV3Schema;
}

/** The node at a path such as `spec.segments[]`; `[]` stands for the items of a list. */
export function nodeAt(root: Schema, path: string): Schema {
  let node = root;
  for (const step of path.split('.')) {
    const list = step.endsWith('[]');
    const property = node.properties?.[list ? step.slice(0, -2) : step];
    const next = list ? property?.items : property;
    if (!next) throw new Error(`no field ${path}: ${step} is missing`);
    node = next;
  }
  return node;
}
