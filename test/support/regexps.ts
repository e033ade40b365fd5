import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { parse } from 'yaml';
import { simplePattern } from '../../api/validation/schema.ts';
import { repositoryDirectory } from '../cluster/paths.ts';

/** A regular expression of the programs. */
export interface Found {
  /** As it is written: `/[\s;]+$/`. */
  text: string;
  regExp: RegExp;
  file: string;
}

const rooms = '{api,controller,exporter}/**/*.ts';
const notTheirs = /\.test\.ts$|testkit|\/fake|\/generated\//;

/** Every regular expression of the programs: literals, patterns of JSON schemas, and those of the CRDs that api/ evaluates. */
export function regExpsOfPrograms(): Found[] {
  const files = globSync(rooms, { cwd: repositoryDirectory }).filter((file) => !notTheirs.test(file));
  return [...files.flatMap(inSource), ...inCrds()];
}

/** Calls of `new RegExp(...)`, whose patterns are made when the program runs, as `file: argument`. */
export function madeAtRunTime(): string[] {
  const files = globSync(rooms, { cwd: repositoryDirectory }).filter((file) => !notTheirs.test(file));
  return files.flatMap((file) => {
    const made: string[] = [];
    walk(sourceOf(file), (node) => {
      if (ts.isNewExpression(node) && node.expression.getText() === 'RegExp') made.push(file);
    });
    return made;
  });
}

function inSource(file: string): Found[] {
  const found: Found[] = [];
  walk(sourceOf(file), (node) => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      const regExp = new RegExp(node.text.slice(1, end), node.text.slice(end + 1));
      found.push({ text: node.text, regExp, file });
    }
    // ajv compiles the patterns of schemas so.
    if (
      ts.isPropertyAssignment(node) &&
      node.name.getText() === 'pattern' &&
      ts.isStringLiteralLike(node.initializer)
    ) {
      const { text } = node.initializer;
      found.push({ text: `/${text}/u`, regExp: new RegExp(text, 'u'), file });
    }
  });
  return found;
}

function inCrds(): Found[] {
  return globSync('crds/criteo*.yaml', { cwd: repositoryDirectory }).flatMap((file) => {
    const crd: unknown = parse(readFileSync(join(repositoryDirectory, file), 'utf8'), { maxAliasCount: -1 });
    const rules = rulesIn(crd);
    return rules.flatMap((rule) => {
      const simple = simplePattern(rule);
      return simple ? [{ text: String(simple.pattern), regExp: simple.pattern, file }] : [];
    });
  });
}

function rulesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { rule } = node as { rule?: unknown };
  return [...(typeof rule === 'string' ? [rule] : []), ...Object.values(node).flatMap(rulesIn)];
}

function sourceOf(file: string): ts.SourceFile {
  const text = readFileSync(join(repositoryDirectory, file), 'utf8');
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}
